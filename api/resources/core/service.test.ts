import { describe, expect, it } from 'vitest';
import { fieldErrorTexts } from '../../../machinery/field-path.ts';
import type { Service } from '../../../machinery/kinds/core.ts';
import type { Draft } from '../../../machinery/kinds/wire.ts';
import { service } from './service.ts';

type Spec = NonNullable<Service['spec']>;

function make(spec: Spec, status: Service['status'] = {}): Service {
  const draft = { metadata: { name: 's', namespace: 'default' }, spec: structuredClone(spec), status } as Draft<Service>;
  service.defaults?.(draft);
  return draft as Service;
}

const wrong = (spec: Spec): string[] => fieldErrorTexts(service.validate?.(make(spec)) ?? []);
const row = (spec: Spec, status?: Service['status']): unknown[] => service.columns.map((column) => column.cell(make(spec, status), 0));

describe('a Service', () => {
  it('has Kubernetes’ defaults', () => {
    expect(make({ ports: [{ port: 80 }] }).spec).toEqual({
      type: 'ClusterIP', sessionAffinity: 'None', internalTrafficPolicy: 'Cluster', ipFamilyPolicy: 'SingleStack', ipFamilies: ['IPv4'],
      ports: [{ port: 80, targetPort: 80, protocol: 'TCP' }],
    });
    expect(make({ type: 'LoadBalancer', ports: [{ port: 80, targetPort: 'http' }] }).spec).toMatchObject({ externalTrafficPolicy: 'Cluster', allocateLoadBalancerNodePorts: true, ports: [{ targetPort: 'http' }] });
    expect(make({ type: 'ExternalName', externalName: 'a.example' }).spec).toEqual({ type: 'ExternalName', externalName: 'a.example', sessionAffinity: 'None' });
    expect(make({ clusterIP: 'None' }).spec).toMatchObject({ clusterIP: 'None', clusterIPs: ['None'] });
  });

  it.each<[string, Spec, string[]]>([
    ['a plain one', { ports: [{ port: 80 }] }, []],
    ['a headless one without ports', { clusterIP: 'None' }, []],
    ['another name', { type: 'ExternalName', externalName: 'a.example.' }, []],
    ['no ports', {}, ['spec.ports: Required value']],
    ['nameless ports', { ports: [{ port: 80 }, { port: 81 }] }, ['spec.ports[0].name: Required value', 'spec.ports[1].name: Required value']],
    ['one port twice', { ports: [{ name: 'a', port: 80 }, { name: 'b', port: 80 }] }, ['spec.ports[1]: Duplicate value: {"protocol":"TCP","port":80}']],
    ['a port out of range', { ports: [{ port: 0, targetPort: 1 }] }, ['spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive']],
    ['an unknown type', { type: 'Other', ports: [{ port: 80 }] }, ['spec.type: Unsupported value: "Other": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"']],
    ['a node port of a ClusterIP', { ports: [{ port: 80, nodePort: 30_000 }] }, ["spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"]],
    ['a headless NodePort', { type: 'NodePort', clusterIP: 'None', ports: [{ port: 80 }] }, ["spec.clusterIPs[0]: Invalid value: \"None\": may not be set to 'None' for NodePort services"]],
    ['no external name', { type: 'ExternalName' }, ['spec.externalName: Required value']],
    ['an address that is none', { clusterIP: '10.43.0.x', ports: [{ port: 80 }] }, ['spec.clusterIPs[0]: Invalid value: "10.43.0.x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)']],
    ['an external policy of a ClusterIP', { externalTrafficPolicy: 'Local', ports: [{ port: 80 }] }, ['spec.externalTrafficPolicy: Invalid value: "Local": may only be set for externally-accessible services']],
  ])('%s', (_name, spec, messages) => {
    expect(wrong(spec)).toEqual(messages);
  });

  it('keeps its address when an update leaves it out, and refuses another', () => {
    const old = make({ clusterIP: '10.43.1.2', ports: [{ port: 80 }] });
    const left = make({ ports: [{ port: 81 }] }) as Draft<Service>;
    service.prepareForUpdate?.(left, old);
    expect(left.spec).toMatchObject({ clusterIP: '10.43.1.2', clusterIPs: ['10.43.1.2'] });
    const other = make({ clusterIP: '10.43.9.9', clusterIPs: ['10.43.1.2'], ports: [{ port: 80 }] }) as Draft<Service>;
    service.prepareForUpdate?.(other, old);
    expect(fieldErrorTexts(service.validateUpdate?.(other as Service, old) ?? [])).toEqual(['spec.clusterIPs[0]: Invalid value: ["10.43.9.9"]: may not change once set']);
  });

  it('gives its address up when it becomes an external name', () => {
    const old = make({ clusterIP: '10.43.1.2', ports: [{ port: 80 }] });
    const draft = make({ ...old.spec, type: 'ExternalName', externalName: 'a.example' }) as Draft<Service>;
    service.prepareForUpdate?.(draft, old);
    expect(draft.spec).not.toHaveProperty('clusterIP');
    expect(service.validateUpdate?.(draft as Service, old)).toEqual([]);
  });

  it('keeps node ports, and drops them with the type', () => {
    const old = make({ type: 'NodePort', ports: [{ port: 80, nodePort: 30_080 }] });
    const same = make({ type: 'NodePort', ports: [{ port: 80 }] }) as Draft<Service>;
    service.prepareForUpdate?.(same, old);
    expect(same.spec?.ports?.[0]?.nodePort).toBe(30_080);
    const inner = make({ type: 'ClusterIP', ports: [{ port: 80, nodePort: 30_080 }] }) as Draft<Service>;
    service.prepareForUpdate?.(inner, old);
    expect(inner.spec?.ports?.[0]).not.toHaveProperty('nodePort');
  });

  it('knows a port by its name when it keeps its node port, and gives none twice', () => {
    const old = make({ type: 'NodePort', ports: [{ name: 'a', port: 80, nodePort: 30_080 }, { name: 'b', port: 81, nodePort: 30_081 }] });
    const moved = make({ type: 'LoadBalancer', ports: [{ name: 'a', port: 8080 }, { name: 'c', port: 81, nodePort: 30_081 }, { name: 'b', port: 82 }] }) as Draft<Service>;
    service.prepareForUpdate?.(moved, old);
    expect(moved.spec?.ports?.map(({ nodePort }) => nodePort)).toEqual([30_080, 30_081, undefined]);
  });

  it('drops with its type what only that type has, unless the update changes it', () => {
    const old = make({ type: 'LoadBalancer', clusterIP: '10.43.1.2', loadBalancerClass: 'a.example/b', ports: [{ port: 80, nodePort: 30_080 }] }, { loadBalancer: { ingress: [{ ip: '1.1.1.1' }] } });
    const to = (changes: Partial<Spec>): Draft<Service> => {
      const draft = make({ ...old.spec, ...changes }, old.status) as Draft<Service>;
      service.prepareForUpdate?.(draft, old);
      return draft;
    };
    const inner = to({ type: 'ClusterIP' });
    expect(fieldErrorTexts(service.validate?.(inner as Service) ?? [])).toEqual([]);
    expect(inner.status).toEqual({ loadBalancer: {} });
    expect(to({ type: 'NodePort' }).spec).toMatchObject({ externalTrafficPolicy: 'Cluster', ports: [{ nodePort: 30_080 }] });
    const both = to({ type: 'ClusterIP', externalTrafficPolicy: 'Local', ports: [{ port: 80, nodePort: 30_090 }] });
    expect(fieldErrorTexts(service.validate?.(both as Service) ?? [])).toEqual([
      "spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'",
      'spec.externalTrafficPolicy: Invalid value: "Local": may only be set for externally-accessible services',
    ]);
  });

  it.each<[string, unknown[], Spec, Service['status']?]>([
    ['a plain one', ['s', 'ClusterIP', '10.43.0.9', '<none>', '80/TCP', '<unknown>', 'app=web'], { clusterIP: '10.43.0.9', selector: { app: 'web' }, ports: [{ port: 80 }] }],
    ['a headless one', ['s', 'ClusterIP', 'None', '<none>', '<none>', '<unknown>', '<none>'], { clusterIP: 'None' }],
    ['a NodePort', ['s', 'NodePort', '10.43.0.9', '<none>', '80:30080/TCP', '<unknown>', '<none>'], { type: 'NodePort', clusterIP: '10.43.0.9', ports: [{ port: 80, nodePort: 30_080 }] }],
    ['an external name', ['s', 'ExternalName', '<none>', 'a.example', '<none>', '<unknown>', '<none>'], { type: 'ExternalName', externalName: 'a.example' }],
    ['a balancer that waits', ['s', 'LoadBalancer', '10.43.0.9', '<pending>', '80/TCP', '<unknown>', '<none>'], { type: 'LoadBalancer', clusterIP: '10.43.0.9', ports: [{ port: 80 }] }],
    ['a balancer', ['s', 'LoadBalancer', '10.43.0.9', '1.2.3.4', '80/TCP', '<unknown>', '<none>'], { type: 'LoadBalancer', clusterIP: '10.43.0.9', ports: [{ port: 80 }] }, { loadBalancer: { ingress: [{ ip: '1.2.3.4' }] } }],
  ])('shows %s', (_name, cells, spec, status) => {
    expect(row(spec, status)).toEqual(cells);
  });
});
