import { describe, expect, it } from 'vitest';
import type { Pod, Service } from '../machinery/kinds/core.ts';
import { hostnameOf, hostsFile, kernelNameOf, resolverFile } from './pod-files.ts';
import { serviceLinks } from './service-links.ts';
import { credentialsFor } from './images/pull-secrets.ts';
import { podNetwork } from './node/routes.ts';

const podOf = (spec: Partial<NonNullable<Pod['spec']>> = {}): Pod => ({ metadata: { name: 'web-1', namespace: 'shop' }, spec: { containers: [], ...spec } });
const service = (namespace: string, name: string, clusterIP: string): Service => ({ metadata: { namespace, name }, spec: { clusterIP, ports: [{ name: 'http', port: 80 }, { port: 53, protocol: 'UDP' }] } });
const secret = (server: string, entry: object): { data: Record<string, string> } => ({ data: { '.dockerconfigjson': Buffer.from(JSON.stringify({ auths: { [server]: entry } })).toString('base64') } });
const node = (name: string, podCIDR: string | undefined, address: string): object => ({ metadata: { name }, spec: podCIDR === undefined ? {} : { podCIDR }, status: { addresses: [{ type: 'InternalIP', address }] } });
const hostFile = 'nameserver 192.0.2.53\nsearch example.com\noptions timeout:1 ndots:2\n';

describe('a pod\'s /etc/resolv.conf', () => {
  it.each<[string, Partial<NonNullable<Pod['spec']>>, string | undefined, string]>([
    ['is the cluster\'s', {}, '10.43.0.10', 'search shop.svc.cluster.local svc.cluster.local cluster.local example.com\nnameserver 10.43.0.10\noptions ndots:5\n'],
    ['is the node\'s while the cluster has no DNS', {}, undefined, 'search example.com\nnameserver 192.0.2.53\noptions timeout:1 ndots:2\n'],
    ['is the node\'s for Default', { dnsPolicy: 'Default' }, '10.43.0.10', 'search example.com\nnameserver 192.0.2.53\noptions timeout:1 ndots:2\n'],
    ['is the node\'s on the node\'s network', { hostNetwork: true }, '10.43.0.10', 'search example.com\nnameserver 192.0.2.53\noptions timeout:1 ndots:2\n'],
    ['is the pod\'s own for None', { dnsPolicy: 'None', dnsConfig: { nameservers: ['9.9.9.9'], searches: ['a.b'], options: [{ name: 'ndots', value: '1' }, { name: 'rotate' }] } }, '10.43.0.10', 'search a.b\nnameserver 9.9.9.9\noptions ndots:1 rotate\n'],
    ['takes the pod\'s options over the cluster\'s', { dnsConfig: { options: [{ name: 'ndots', value: '2' }] } }, '10.43.0.10', 'search shop.svc.cluster.local svc.cluster.local cluster.local example.com\nnameserver 10.43.0.10\noptions ndots:2\n'],
  ])('%s', (_name, spec, clusterDns, text) => {
    expect(resolverFile(podOf(spec), { clusterDns, hostFile })).toBe(text);
  });
});

describe('a pod\'s names', () => {
  it('are in /etc/hosts, with its aliases', () => {
    const text = hostsFile(podOf({ subdomain: 'sub', hostAliases: [{ ip: '192.0.2.9', hostnames: ['a', 'b'] }] }), '10.42.0.7', 'web-1', '');
    expect(text).toContain('127.0.0.1\tlocalhost\n');
    expect(text).toContain('10.42.0.7\tweb-1.sub.shop.svc.cluster.local\tweb-1\n');
    expect(text).toContain('192.0.2.9\ta\tb\n');
  });

  it('are the node\'s on the node\'s network', () => {
    expect(hostsFile(podOf({ hostNetwork: true }), undefined, 'n', '192.0.2.1\tn\n')).toBe('# Kubernetes-managed hosts file (host network).\n192.0.2.1\tn\n');
  });

  it.each([[{}, 'web-1'], [{ hostname: 'own' }, 'own']])('%j: the host name is %s', (spec, name) => {
    expect(hostnameOf(podOf(spec))).toBe(name);
  });

  it('are cut to what the kernel takes', () => {
    expect(hostnameOf({ metadata: { name: `${'a'.repeat(62)}-b` } })).toBe('a'.repeat(62));
  });

  it('is what the kernel says, but for the node\'s on its own network and the full name where that is asked for', () => {
    expect(kernelNameOf(podOf({ subdomain: 'sub' }), 'machine')).toBe('web-1');
    expect(kernelNameOf(podOf({ hostNetwork: true }), 'machine')).toBe('machine');
    expect(kernelNameOf(podOf({ subdomain: 'sub', setHostnameAsFQDN: true }), 'machine')).toBe('web-1.sub.shop.svc.cluster.local');
    expect(() => kernelNameOf(podOf({ subdomain: 's'.repeat(50), setHostnameAsFQDN: true }), 'machine')).toThrow('is too long (64 characters is the max, 79 characters requested)');
  });
});

describe('service links', () => {
  const services = [service('default', 'kubernetes', '10.43.0.1'), service('shop', 'my-db', '10.43.0.2'), service('other', 'far', '10.43.0.3'), service('shop', 'headless', 'None')];

  it('name the Services of the namespace, and the API', () => {
    expect(Object.fromEntries([...serviceLinks(services, 'shop', true)].filter(([name]) => name.startsWith('MY_DB')))).toEqual({
      MY_DB_SERVICE_HOST: '10.43.0.2', MY_DB_SERVICE_PORT: '80', MY_DB_SERVICE_PORT_HTTP: '80', MY_DB_PORT: 'tcp://10.43.0.2:80',
      MY_DB_PORT_80_TCP: 'tcp://10.43.0.2:80', MY_DB_PORT_80_TCP_PROTO: 'tcp', MY_DB_PORT_80_TCP_PORT: '80', MY_DB_PORT_80_TCP_ADDR: '10.43.0.2',
      MY_DB_PORT_53_UDP: 'udp://10.43.0.2:53', MY_DB_PORT_53_UDP_PROTO: 'udp', MY_DB_PORT_53_UDP_PORT: '53', MY_DB_PORT_53_UDP_ADDR: '10.43.0.2',
    });
    expect([...serviceLinks(services, 'shop', true).keys()].filter((name) => name.endsWith('_SERVICE_HOST'))).toEqual(['KUBERNETES_SERVICE_HOST', 'MY_DB_SERVICE_HOST']);
  });

  it('name the API alone when they are not wanted', () => {
    expect([...serviceLinks(services, 'shop', false).keys()].filter((name) => name.endsWith('_SERVICE_HOST'))).toEqual(['KUBERNETES_SERVICE_HOST']);
  });
});

describe('a pull secret', () => {
  const plain = { username: 'u', password: 'p:q' };
  it.each<[string, string, boolean]>([
    ['registry.example.com', 'registry.example.com', true], ['https://index.docker.io/v1/', 'docker.io', true], ['*.example.com', 'registry.example.com', true], ['example.com', 'registry.example.com', false],
    ['registry.example.com/team', 'registry.example.com', true], ['registry.example.com/other', 'registry.example.com', false], ['registry.example.com:5000', 'registry.example.com', false],
  ])('of %s for %s: %s', (server, registry, serves) => {
    expect(credentialsFor(secret(server, plain), { registry, repository: 'team/app' })).toEqual(serves ? [plain] : []);
  });

  it('may have its credentials in one word, or none', () => {
    const reference = { registry: 'a.b', repository: 'c' };
    expect(credentialsFor(secret('a.b', { auth: Buffer.from('u:p:q').toString('base64') }), reference)).toEqual([plain]);
    expect(credentialsFor({ data: { '.dockerconfigjson': Buffer.from('{').toString('base64') } }, reference)).toEqual([]);
  });
});

describe('a node\'s routes', () => {
  it('lead to the other nodes\' shares, once it has its own', () => {
    const nodes = [node('a', '10.42.0.0/24', '192.0.2.1'), node('c', '10.42.2.0/24', '192.0.2.3'), node('b', '10.42.1.0/24', '192.0.2.2'), node('d', undefined, '192.0.2.4')];
    expect(podNetwork(nodes, 'a', '10.42.0.0/16')).toEqual({ podCidr: '10.42.0.0/24', clusterCidr: '10.42.0.0/16', routes: [{ cidr: '10.42.1.0/24', via: '192.0.2.2' }, { cidr: '10.42.2.0/24', via: '192.0.2.3' }] });
    expect(podNetwork(nodes, 'a', undefined)?.clusterCidr).toBe('10.42.0.0/16');
    expect(podNetwork(nodes, 'd', '10.42.0.0/16')).toBeUndefined();
  });
});
