import { describe, expect, it } from 'vitest';
import type { Pod, Service } from '../../machinery/kinds/core.ts';
import { plan as planEndpoints } from './endpoints.ts';
import { plan } from './endpoint-slice.ts';

const service: Service = {
  metadata: { name: 'web', namespace: 'default', uid: 's', labels: { team: 'a' } },
  spec: { selector: { app: 'web' }, clusterIP: '10.43.0.9', ipFamilies: ['IPv4'], ports: [{ name: 'http', port: 80, targetPort: 'http', protocol: 'TCP' }] },
};

function pod(name: string, more: { ip?: string; isReady?: boolean; isDeleting?: boolean; phase?: string; port?: number } = {}): Pod {
  const { ip = '10.42.0.5', isReady = true, phase = 'Running', port = 8080 } = more;
  return {
    metadata: { name, namespace: 'default', uid: name, labels: { app: 'web' }, ...(more.isDeleting === true ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}) },
    spec: { nodeName: 'n1', containers: [{ name: 'c', image: 'i', ports: [{ name: 'http', containerPort: port, protocol: 'TCP' }] }] },
    status: { phase, ...(ip === '' ? {} : { podIP: ip, podIPs: [{ ip }] }), conditions: [{ type: 'Ready', status: isReady ? 'True' : 'False' }] },
  };
}

const observe = (...pods: readonly Pod[]) => ({ pods, slices: [], zoneOf: (node: string) => (node === 'n1' ? 'z1' : undefined) });

describe('the EndpointSlices of a Service', () => {
  it('name its pods, where they are, and the ports that they gave a name', () => {
    expect(plan(service, observe(pod('a')))).toMatchObject([{
      type: 'create', object: {
        addressType: 'IPv4', ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
        metadata: {
          generateName: 'web-', namespace: 'default', ownerReferences: [{ kind: 'Service', name: 'web', uid: 's', controller: true }],
          labels: { team: 'a', 'kubernetes.io/service-name': 'web', 'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io' },
        },
        endpoints: [{ addresses: ['10.42.0.5'], conditions: { ready: true, serving: true, terminating: false }, nodeName: 'n1', zone: 'z1', targetRef: { kind: 'Pod', name: 'a', namespace: 'default', uid: 'a' } }],
      },
    }]);
  });

  it.each([
    ['not ready', pod('a', { isReady: false }), { ready: false, serving: false, terminating: false }],
    ['being deleted, and answering still', pod('a', { isDeleting: true }), { ready: false, serving: true, terminating: true }],
  ])('say of a pod that it is %s', (_what, given, conditions) => {
    expect(plan(service, observe(given))).toMatchObject([{ object: { endpoints: [{ conditions }] } }]);
  });

  it('leave out pods that have ended or have no address', () => {
    expect(plan(service, observe(pod('a', { phase: 'Succeeded' }), pod('b', { ip: '' })))).toMatchObject([{ object: { endpoints: [], ports: [] } }]);
  });

  it('are two for pods that answer on other numbers', () => {
    expect(plan(service, observe(pod('a'), pod('b', { ip: '10.42.0.6', port: 9090 })))).toMatchObject([{ object: { ports: [{ port: 8080 }] } }, { object: { ports: [{ port: 9090 }] } }]);
  });

  it('are nobody\'s when the Service has no selector', () => {
    expect(plan({ ...service, spec: { ...service.spec, selector: {} } }, observe(pod('a')))).toEqual([]);
  });
});

describe('the Endpoints of a Service', () => {
  it('tell ready pods from others, and are written once', () => {
    const pods = [pod('a'), pod('b', { ip: '10.42.0.6', isReady: false }), pod('c', { ip: '10.42.0.7', isDeleting: true })];
    const [step] = planEndpoints(service, { pods, endpoints: undefined });
    expect(step).toMatchObject({
      type: 'create', object: {
        metadata: { name: 'web', labels: { team: 'a', 'endpoints.kubernetes.io/managed-by': 'endpoint-controller' } },
        subsets: [{ addresses: [{ ip: '10.42.0.5', nodeName: 'n1', targetRef: { name: 'a' } }], notReadyAddresses: [{ ip: '10.42.0.6' }], ports: [{ name: 'http', port: 8080, protocol: 'TCP' }] }],
      },
    });
    expect(step?.type === 'create' ? planEndpoints(service, { pods, endpoints: step.object }) : undefined).toEqual([]);
  });
});
