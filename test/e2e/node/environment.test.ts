import { isIPv4 } from 'node:net';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Container, Node, Service } from '../../../machinery/kinds/core.ts';
import { parseQuantity, toUnits, zero } from '../../../machinery/quantity.ts';
import { pod } from '../manifests.ts';
import { usePods } from './pods.ts';

/** What Kubernetes' conformance list demands of a container's environment; each title is an entry's. */
const pods = usePods('node-environment');
const { kubectl, namespace } = pods;

type EnvVar = NonNullable<Container['env']>[number];

/** Prints its environment, whatever the names in it: a shell would drop some. */
const printing = (name: string, container: Partial<Container>) => pod(name, { spec: { restartPolicy: 'Never' }, container: { command: ['env'], ...container } });
const field = (name: string, fieldPath: string): EnvVar => ({ name, valueFrom: { fieldRef: { fieldPath } } });
const resource = (name: string, what: string): EnvVar => ({ name, valueFrom: { resourceFieldRef: { resource: what } } });
const amounts: readonly EnvVar[] = [resource('CPU_LIMIT', 'limits.cpu'), resource('MEMORY_LIMIT', 'limits.memory')];

const data = { 'data-1': 'value-1', 'data-2': 'value-2', 'data-3': 'value-3' };
/** Between them every printable ASCII character but '='. */
const prefixes = ['p-', '1', '0123456789', ' !"#$%&\'()*+,-./', ':;<>?@[\\]^_`{|}~', '$(A)', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz'];
const everyPrefix = (source: object) => prefixes.map((prefix) => ({ prefix, ...source }));
const prefixed = prefixes.flatMap((prefix) => Object.entries(data).map(([key, value]) => `${prefix}${key}=${value}`));

async function variables(name: string): Promise<Record<string, string>> {
  const lines = (await pods.output(name)).trimEnd().split('\n');
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]));
}

beforeAll(async () => {
  await kubectl.apply(
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'config' }, data },
    { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'secret' }, stringData: data },
    { apiVersion: 'v1', kind: 'Service', metadata: { name: 'fooservice' }, spec: { ports: [{ port: 8765, targetPort: 8080 }], selector: { app: 'server' } } },
    pod('server', { labels: { app: 'server' } }),
    printing('config-key', { env: [{ name: 'CONFIG_DATA_1', valueFrom: { configMapKeyRef: { name: 'config', key: 'data-1' } } }] }),
    printing('config-whole', { envFrom: [{ configMapRef: { name: 'config' } }] }),
    printing('config-prefixed', { envFrom: everyPrefix({ configMapRef: { name: 'config' } }) }),
    printing('secret-key', { env: [{ name: 'SECRET_DATA_1', valueFrom: { secretKeyRef: { name: 'secret', key: 'data-1' } } }] }),
    printing('secret-whole', { envFrom: [{ secretRef: { name: 'secret' } }] }),
    printing('secret-prefixed', { envFrom: everyPrefix({ secretRef: { name: 'secret' } }) }),
    printing('downward', {
      env: [
        field('POD_NAME', 'metadata.name'), field('POD_NAMESPACE', 'metadata.namespace'), field('POD_IP', 'status.podIP'), field('POD_UID', 'metadata.uid'),
        field('HOST_IP', 'status.hostIP'), field('HOST_IPS', 'status.hostIPs'), ...amounts, resource('CPU_REQUEST', 'requests.cpu'), resource('MEMORY_REQUEST', 'requests.memory'),
      ],
      resources: { requests: { cpu: '250m', memory: '32Mi' }, limits: { cpu: '1250m', memory: '64Mi' } },
    }),
    printing('unlimited', { env: [...amounts] }),
  );
});

describe('[sig-node] ConfigMaps and Secrets in the environment', () => {
  it('ConfigMap should be consumable via environment variable [NodeConformance]', async () => {
    expect(await variables('config-key')).toMatchObject({ CONFIG_DATA_1: 'value-1' });
  });

  it('ConfigMap should be consumable via the environment [NodeConformance]', async () => {
    expect(await variables('config-whole')).toMatchObject(data);
  });

  it('ConfigMap should be consumable as environment variable names with various prefixes', async () => {
    expect((await pods.output('config-prefixed')).split('\n')).toEqual(expect.arrayContaining(prefixed));
  });

  it('Secrets should be consumable from pods in env vars [NodeConformance]', async () => {
    expect(await variables('secret-key')).toMatchObject({ SECRET_DATA_1: 'value-1' });
  });

  it('Secrets should be consumable via the environment [NodeConformance]', async () => {
    expect(await variables('secret-whole')).toMatchObject(data);
  });

  it('Secrets should be consumable as environment variable names variable names with various prefixes', async () => {
    expect((await pods.output('secret-prefixed')).split('\n')).toEqual(expect.arrayContaining(prefixed));
  });
});

describe('[sig-node] What a pod is told of itself', () => {
  it('Downward API should provide pod name, namespace and IP address as env vars [NodeConformance]', async () => {
    const { status } = await pods.ended('downward');
    expect(isIPv4(status?.podIP ?? '')).toBe(true);
    expect(await variables('downward')).toMatchObject({ POD_NAME: 'downward', POD_NAMESPACE: namespace, POD_IP: status?.podIP });
  });

  it('Downward API should provide pod UID as env vars [NodeConformance]', async () => {
    expect(await variables('downward')).toMatchObject({ POD_UID: (await pods.ended('downward')).metadata?.uid });
  });

  it('Downward API should provide host IP as an env var [NodeConformance]', async () => {
    const { HOST_IP } = await variables('downward');
    const { items } = await kubectl.object<{ items: Node[] }>`get nodes -o json`;
    expect(items.flatMap(({ status }) => status?.addresses ?? []).filter(({ type }) => type === 'InternalIP').map(({ address }) => address)).toContain(HOST_IP);
  });

  it('Downward API should provide hostIPs as an env var [NodeConformance]', async () => {
    const { status } = await pods.ended('downward');
    expect(status?.hostIPs?.length).toBeGreaterThan(0);
    expect(await variables('downward')).toMatchObject({ HOST_IPS: status?.hostIPs?.map(({ ip }) => ip).join(',') });
  });

  it("Downward API should provide container's limits.cpu/memory and requests.cpu/memory as env vars [NodeConformance]", async () => {
    expect(await variables('downward')).toMatchObject({ CPU_LIMIT: '2', MEMORY_LIMIT: String(64 * 2 ** 20), CPU_REQUEST: '1', MEMORY_REQUEST: String(32 * 2 ** 20) });
  });

  it('Downward API should provide default limits.cpu/memory from node allocatable [NodeConformance]', async () => {
    const { spec } = await pods.ended('unlimited');
    const { status } = await kubectl.object<Node>`get node ${spec?.nodeName ?? ''} -o json`;
    const { CPU_LIMIT, MEMORY_LIMIT } = await variables('unlimited');
    const allocatable = (name: string) => toUnits(parseQuantity(status?.allocatable?.[name] ?? '') ?? zero);
    expect(Number(CPU_LIMIT)).toBe(Math.ceil(allocatable('cpu')));
    expect(Number(MEMORY_LIMIT)).toBe(allocatable('memory'));
    expect(Number(MEMORY_LIMIT)).toBeGreaterThan(0);
  });
});

describe('[sig-node] What a pod is told of Services', () => {
  it('Pods should contain environment variables for services [NodeConformance]', async () => {
    await pods.ready('server');
    const host = (await kubectl.object<Service>`get service fooservice -o json`).spec?.clusterIP ?? '';
    // The Service is there before the pod, as the demand has it.
    await kubectl.apply(printing('linked', {}));
    expect(isIPv4(host)).toBe(true);
    expect(await variables('linked')).toMatchObject({
      FOOSERVICE_SERVICE_HOST: host, FOOSERVICE_SERVICE_PORT: '8765', FOOSERVICE_PORT: `tcp://${host}:8765`, FOOSERVICE_PORT_8765_TCP_PORT: '8765',
      FOOSERVICE_PORT_8765_TCP_PROTO: 'tcp', FOOSERVICE_PORT_8765_TCP: `tcp://${host}:8765`, FOOSERVICE_PORT_8765_TCP_ADDR: host,
    });
  });
});
