import { describe, expect, it } from 'vitest';
import type { Pod, PodSpec } from '../../../../machinery/kinds/core.ts';
import type { Draft } from '../../../../machinery/kinds/wire.ts';
import { isLatest } from './container-defaults.ts';
import { defaultPod, defaultPodSpec } from './defaults.ts';

function defaulted(spec: PodSpec): unknown {
  const pod = { spec: structuredClone(spec) } as Draft<Pod>;
  defaultPod(pod);
  return pod.spec;
}

const container = { terminationMessagePath: '/dev/termination-log', terminationMessagePolicy: 'File', imagePullPolicy: 'Always', resources: {} };
const spec = { dnsPolicy: 'ClusterFirst', restartPolicy: 'Always', terminationGracePeriodSeconds: 30, schedulerName: 'default-scheduler', securityContext: {} };

describe('defaults of a pod', () => {
  it('fill in what Kubernetes fills in', () => {
    expect(defaulted({ containers: [{ name: 'c', image: 'x', ports: [{ containerPort: 80 }], env: [{ name: 'A', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }] }] })).toEqual({
      ...spec, enableServiceLinks: true,
      containers: [{
        ...container, name: 'c', image: 'x', ports: [{ containerPort: 80, protocol: 'TCP' }],
        env: [{ name: 'A', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.name' } } }],
      }],
    });
  });

  it('of a template leave out what only pods have', () => {
    const template = { containers: [{ name: 'c', image: 'x', resources: { limits: { cpu: '1' } } }], hostNetwork: true } as Draft<PodSpec>;
    defaultPodSpec(template);
    expect(template).toEqual({ ...spec, hostNetwork: true, containers: [{ ...container, name: 'c', image: 'x', resources: { limits: { cpu: '1' } } }] });
  });

  it('request what is limited, and only that', () => {
    expect(defaulted({ containers: [{ name: 'c', image: 'x', resources: { limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '500m' } } }] })).toMatchObject({
      containers: [{ resources: { limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '500m', memory: '1Gi' } } }],
    });
  });

  it('give probes their numbers and paths', () => {
    expect(defaulted({ containers: [{ name: 'c', image: 'x', livenessProbe: { httpGet: { port: 80 }, periodSeconds: 3 } }] })).toMatchObject({
      containers: [{ livenessProbe: { httpGet: { port: 80, path: '/', scheme: 'HTTP' }, timeoutSeconds: 1, periodSeconds: 3, successThreshold: 1, failureThreshold: 3 } }],
    });
  });

  it('make a volume without a source an empty directory, and files readable', () => {
    expect(defaulted({ containers: [], volumes: [{ name: 'a' }, { name: 'b', configMap: { name: 'x' } }, { name: 'c', projected: { sources: [{ serviceAccountToken: { path: 't' } }] } }, { name: 'd', image: { reference: 'x' } }, { name: 'e', image: { reference: 'x:1' } }] })).toMatchObject({
      volumes: [{ emptyDir: {} }, { configMap: { defaultMode: 420 } }, { projected: { defaultMode: 420, sources: [{ serviceAccountToken: { expirationSeconds: 3600 } }] } }, { image: { pullPolicy: 'Always' } }, { image: { pullPolicy: 'IfNotPresent' } }],
    });
  });

  it('keep both spellings of the service account in step', () => {
    expect(defaulted({ containers: [], serviceAccount: 'old' })).toMatchObject({ serviceAccount: 'old', serviceAccountName: 'old' });
    expect(defaulted({ containers: [], serviceAccount: 'old', serviceAccountName: 'new' })).toMatchObject({ serviceAccount: 'new', serviceAccountName: 'new' });
  });

  it('use the container’s ports on the host’s network', () => {
    expect(defaulted({ hostNetwork: true, containers: [{ name: 'c', image: 'x', ports: [{ containerPort: 80 }] }] })).toMatchObject({ containers: [{ ports: [{ hostPort: 80 }] }] });
  });

  it('of a whole pod’s resources are what its containers ask together, else the limit', () => {
    expect(defaulted({ resources: { limits: { cpu: '2', memory: '1Gi' } }, containers: [{ name: 'a', image: 'x', resources: { requests: { cpu: '250m' } } }, { name: 'b', image: 'x', resources: { requests: { cpu: '1' } } }] }))
      .toMatchObject({ resources: { requests: { cpu: '1250m', memory: '1Gi' } } });
  });

  it('keep both spellings of an address in step', () => {
    const pod = { spec: { containers: [] }, status: { podIP: '10.0.0.1', hostIPs: [{ ip: '10.0.0.2' }] } } as Draft<Pod>;
    defaultPod(pod);
    expect(pod.status).toEqual({ podIP: '10.0.0.1', podIPs: [{ ip: '10.0.0.1' }], hostIP: '10.0.0.2', hostIPs: [{ ip: '10.0.0.2' }] });
  });

  it('change nothing when they run again', () => {
    const once = defaulted({ containers: [{ name: 'c', image: 'x', resources: { limits: { cpu: '1' } } }], volumes: [{ name: 'a' }] }) as PodSpec;
    expect(defaulted(once)).toEqual(once);
  });

  it.each([
    ['nginx', true], ['nginx:latest', true], ['nginx:1.27', false], ['registry:5000/nginx', true], ['registry:5000/nginx:1', false],
    ['nginx@sha256:abc', false], ['nginx:latest@sha256:abc', true],
  ])('%s is the latest: %s', (image, expected) => {
    expect(isLatest(image)).toBe(expected);
  });
});
