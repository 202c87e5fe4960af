import { describe, expect, it } from 'vitest';
import { fieldErrorTexts } from '../../../machinery/field-path.ts';
import type { Ingress, IngressClass, NetworkPolicy } from '../../../machinery/kinds/networking.ts';
import type { Draft } from '../../../machinery/kinds/wire.ts';
import { ingressClass } from './ingress-class.ts';
import { ingress } from './ingress.ts';
import { ipAddress } from './ip-address.ts';
import { networkPolicy } from './network-policy.ts';
import { serviceCidr } from './service-cidr.ts';

describe('an Ingress', () => {
  const backend = { service: { name: 'web', port: { number: 80 } } };
  const to = (path: object, host = 'a.example'): Ingress => ({ metadata: { name: 'i' }, spec: { rules: [{ host, http: { paths: [{ path: '/', pathType: 'Prefix', backend, ...path }] } }] } });

  it.each<[string, Ingress, string[]]>([
    ['a good one', to({}), []],
    ['a wildcard', to({}, '*.example.com'), []],
    ['nothing to lead to', { spec: {} }, ['spec: Invalid value: null: either `defaultBackend` or `rules` must be specified']],
    ['an address as host', to({}, '10.0.0.1'), ['spec.rules[0].host: Invalid value: "10.0.0.1": must be a DNS name, not an IP address']],
    ['no kind of path', to({ pathType: undefined }), ['spec.rules[0].http.paths[0].pathType: Required value: pathType must be specified']],
    ['a kind of path that is none', to({ pathType: 'Regex' }), ['spec.rules[0].http.paths[0].pathType: Unsupported value: "Regex": supported values: "Exact", "ImplementationSpecific", "Prefix"']],
    ['a path that climbs', to({ path: '/a/../b//' }), ["spec.rules[0].http.paths[0].path: Invalid value: \"/a/../b//\": must not contain '//'", "spec.rules[0].http.paths[0].path: Invalid value: \"/a/../b//\": must not contain '/../'"]],
    ['a relative path', to({ path: 'a' }), ['spec.rules[0].http.paths[0].path: Invalid value: "a": must be an absolute path']],
    ['no backend', to({ backend: {} }), ['spec.rules[0].http.paths[0].backend: Invalid value: "": resource or service backend is required']],
    ['two backends', to({ backend: { ...backend, resource: { kind: 'K', name: 'n' } } }), ['spec.rules[0].http.paths[0].backend: Invalid value: "": cannot set both resource and service backends']],
    ['a service without a port', to({ backend: { service: { name: 'web' } } }), ['spec.rules[0].http.paths[0].backend: Required value: port name or number is required']],
    ['a port twice', to({ backend: { service: { name: 'web', port: { name: 'a', number: 1 } } } }), ['spec.rules[0].http.paths[0].backend: Invalid value: "": cannot set both port name & port number']],
    ['no paths', { spec: { rules: [{ http: { paths: [] } }] } }, ['spec.rules[0].http.paths: Required value']],
  ])('judges %s', (_name, object, messages) => {
    expect(fieldErrorTexts(ingress.validate?.(object))).toEqual(messages);
  });

  it('names its class once', () => {
    const object: Ingress = { metadata: { annotations: { 'kubernetes.io/ingress.class': 'a' } }, spec: { ingressClassName: 'b' } };
    expect(fieldErrorTexts(ingress.validateCreate?.(object))).toEqual(['metadata.annotations.kubernetes.io/ingress.class: Invalid value: "a": can not be set when the class field is also set']);
  });

  it('shows hosts and where it is reached', () => {
    const object: Ingress = {
      metadata: { name: 'i' }, spec: { ingressClassName: 'nginx', tls: [{}], rules: ['a', 'b', 'c', 'd', 'e'].map((host) => ({ host })) },
      status: { loadBalancer: { ingress: [{ ip: '192.0.2.2' }, { hostname: 'lb.example' }, { ip: '192.0.2.2' }] } },
    };
    expect(ingress.columns.map((column) => column.cell(object, 0))).toEqual(['i', 'nginx', 'a,b,c + 2 more...', '192.0.2.2,lb.example', '80, 443', '<unknown>']);
    expect(ingress.columns.map((column) => column.cell({}, 0))).toEqual(['', '<none>', '*', '', '80', '<unknown>']);
  });
});

const classOf = (parameters?: object, controller = 'example.com/in'): IngressClass => {
  const draft = { metadata: { name: 'c' }, spec: { controller, ...(parameters === undefined ? {} : { parameters }) } } as Draft<IngressClass>;
  ingressClass.defaults?.(draft);
  return draft as IngressClass;
};

describe('an IngressClass', () => {

  it.each<[string, IngressClass, string[]]>([
    ['a good one', classOf({ kind: 'Config', name: 'n' }), []],
    ['no controller', classOf(undefined, ''), ['spec.controller: Required value']],
    ['a controller without a domain', classOf(undefined, 'in'), ['spec.controller: Invalid value: "in": must be a domain-prefixed path (such as "acme.io/foo")']],
    ['parameters of no namespace', classOf({ kind: 'Config', name: 'n', scope: 'Namespace' }), ["spec.parameters.namespace: Required value: `parameters.scope` is set to 'Namespace'"]],
    ['cluster-wide parameters in a namespace', classOf({ kind: 'Config', name: 'n', namespace: 'a' }), ["spec.parameters.namespace: Forbidden: `parameters.scope` is set to 'Cluster'"]],
  ])('judges %s', (_name, object, messages) => {
    expect(fieldErrorTexts(ingressClass.validate?.(object))).toEqual(messages);
  });

  it('keeps its controller, and shows its parameters', () => {
    expect(fieldErrorTexts(ingressClass.validateUpdate?.(classOf(undefined, 'example.com/other'), classOf()))).toEqual(['spec.controller: Invalid value: "example.com/other": field is immutable']);
    expect(ingressClass.columns.map((column) => column.cell(classOf({ apiGroup: 'example.com', kind: 'Config', name: 'n' }), 0))).toEqual(['c', 'example.com/in', 'Config.example.com/n', '<unknown>']);
  });
});

const policyOf = (spec: object): NetworkPolicy => {
  const draft = { metadata: { name: 'p' }, spec: { podSelector: {}, ...spec } } as Draft<NetworkPolicy>;
  networkPolicy.defaults?.(draft);
  return draft as NetworkPolicy;
};

describe('a NetworkPolicy', () => {

  it('is about what it has rules for', () => {
    expect(policyOf({}).spec?.policyTypes).toEqual(['Ingress']);
    expect(policyOf({ egress: [{ ports: [{ port: 53 }] }] }).spec).toMatchObject({ policyTypes: ['Ingress', 'Egress'], egress: [{ ports: [{ protocol: 'TCP' }] }] });
    expect(networkPolicy.columns.map((column) => column.cell(policyOf({ podSelector: { matchLabels: { a: 'b' } } }), 0))).toEqual(['p', 'a=b', '<unknown>']);
  });

  const from = (...peers: object[]): NetworkPolicy => policyOf({ ingress: [{ from: peers }] });
  const on = (port: object): NetworkPolicy => policyOf({ ingress: [{ ports: [port] }] });
  it.each<[string, NetworkPolicy, string[]]>([
    ['good peers', from({ podSelector: {}, namespaceSelector: {} }, { ipBlock: { cidr: '10.0.0.0/8', except: ['10.1.0.0/16'] } }), []],
    ['nobody', from({}), ['spec.ingress[0].from[0]: Required value: must specify a peer']],
    ['a block and pods', from({ podSelector: {}, ipBlock: { cidr: '10.0.0.0/8' } }), ['spec.ingress[0].from[0]: Forbidden: may not specify both ipBlock and another peer']],
    ['a block that is none', from({ ipBlock: { cidr: '10.0.0.0' } }), ['spec.ingress[0].from[0].ipBlock.cidr: Invalid value: "10.0.0.0": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)']],
    ['an exception of everything', from({ ipBlock: { cidr: '10.0.0.0/8', except: ['10.0.0.0/8'] } }), ['spec.ingress[0].from[0].ipBlock.except[0]: Invalid value: "10.0.0.0/8": must be a strict subset of `cidr`']],
    ['a range that ends before it begins', on({ port: 100, endPort: 50 }), ['spec.ingress[0].ports[0].endPort: Invalid value: 100: must be greater than or equal to `port`']],
    ['a range of names', on({ port: 'web', endPort: 50 }), ['spec.ingress[0].ports[0].endPort: Invalid value: 50: may not be specified when `port` is non-numeric']],
    ['a protocol that is none', on({ protocol: 'ICMP' }), ['spec.ingress[0].ports[0].protocol: Unsupported value: "ICMP": supported values: "TCP", "UDP", "SCTP"']],
    ['a type that is none', policyOf({ policyTypes: ['Both'] }), ['spec.policyTypes: Unsupported value: "Both": supported values: "Ingress", "Egress"']],
  ])('judges %s', (_name, object, messages) => {
    expect(fieldErrorTexts(networkPolicy.validate?.(object))).toEqual(messages);
  });
});

describe('addresses and ranges of Services', () => {
  it('have the address as their name, in one spelling', () => {
    expect(ipAddress.validateName?.('10.0.0.1')).toEqual([]);
    expect(ipAddress.validateName?.('2001:DB8::1')).toEqual(['must be in canonical form ("2001:db8::1")']);
    expect(ipAddress.validateName?.('a')).toEqual(['must be a valid IP address']);
  });

  it('belong to somebody for good', () => {
    const object = { metadata: { name: '10.0.0.1' }, spec: { parentRef: { resource: 'services', namespace: 'default', name: 'kubernetes' } } };
    expect(fieldErrorTexts(ipAddress.validate?.(object))).toEqual([]);
    expect(fieldErrorTexts(ipAddress.validate?.({ spec: {} as (typeof object)['spec'] }))).toEqual(['spec.parentRef: Required value']);
    expect(ipAddress.columns[1]?.cell(object, 0)).toBe('services/default/kubernetes');
    expect(fieldErrorTexts(ipAddress.validateUpdate?.({ spec: { parentRef: { resource: 'services', name: 'b' } } }, object))).toEqual(['spec.parentRef: Invalid value: {"resource":"services","name":"b"}: field is immutable']);
  });

  it('are one range of each family', () => {
    expect(fieldErrorTexts(serviceCidr.validate?.({ spec: { cidrs: ['10.43.0.0/16', 'fd00::/112'] } }))).toEqual([]);
    expect(fieldErrorTexts(serviceCidr.validate?.({ spec: { cidrs: [] } }))).toEqual(['spec.cidrs: Required value: at least one CIDR required']);
    expect(fieldErrorTexts(serviceCidr.validate?.({ spec: { cidrs: ['10.0.0.0/8', '11.0.0.0/8'] } }))).toEqual([
      'spec.cidrs: Invalid value: ["10.0.0.0/8","11.0.0.0/8"]: may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64',
    ]);
  });
});
