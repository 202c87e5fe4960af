import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openEtcd } from '../../api/store/etcd.ts';
import { createClient, type Client } from '../../client/client.ts';
import { httpsTransport, type HttpsTransport } from '../../client/https.ts';
import { readKubeconfig } from '../../client/kubeconfig.ts';
import { ConfigMap } from '../../machinery/kinds/core.ts';
import { startEtcd, type EtcdCluster } from '../suites/etcd.ts';
import { startLink, type Link } from '../suites/link.ts';
import type { Started } from './command.ts';
import { coracle, kubectlFor, newDataDir, remove, startUntil } from './coracle.ts';
import { eventually } from './eventually.ts';
import { deployment } from './manifests.ts';

/** Two servers of one cluster, over an etcd of three members; the second's ways there can be cut. No node: pods stay Pending. */
let etcd: EtcdCluster;
let links: readonly Link[];
let first: string;
let second: string;
let firstServer: Started;
const transports: HttpsTransport[] = [];

function server(dataDir: string, endpoints: readonly string[], ...more: readonly string[]): Promise<Started> {
  return startUntil(/^API server: /m, ['server', '--data-dir', dataDir, '--api-port', '0', '--store', 'etcd', '--etcd-endpoints', endpoints.join(','), ...more]);
}

async function clientOf(dataDir: string): Promise<Client> {
  const transport = httpsTransport(await readKubeconfig(join(dataDir, 'admin.kubeconfig')));
  transports.push(transport);
  return createClient(transport);
}

const leaderOf = async (dataDir: string) => kubectlFor(dataDir)`get lease kube-controller-manager -n kube-system -o jsonpath={.spec.holderIdentity}`;

beforeAll(async () => {
  etcd = await startEtcd(3);
  first = await newDataDir('etcd-a');
  second = await newDataDir('etcd-b');
  links = await Promise.all(etcd.endpoints.map(startLink));
  firstServer = await server(first, etcd.endpoints);
  await server(second, links.map(({ endpoint }) => endpoint), '--server-token-file', join(first, 'server-token'));
});

afterAll(async () => {
  for (const transport of transports) transport.close();
  // One after the other: the second's command line names the first's directory.
  const removed = [...(await Promise.allSettled([remove(second)])), ...(await Promise.allSettled([remove(first)]))];
  for (const link of links) await link[Symbol.asyncDispose]();
  await etcd.dispose();
  for (const each of removed) if (each.status === 'rejected') throw each.reason;
});

describe('two servers over one etcd', () => {
  it('are one cluster under the same authority', async () => {
    const [a, b] = [kubectlFor(first), kubectlFor(second)];
    await a`create configmap from-a --from-literal=a=1`;
    expect(await b`get configmap from-a -o jsonpath={.data.a}`).toBe('1');
    await b`delete configmap from-a`;
    expect(await a.refused`get configmap from-a`).toContain('configmaps "from-a" not found');
  });

  it('answer at once what was written through the other', async () => {
    const [a, b] = [await clientOf(first), await clientOf(second)];
    // Several at a time: a read that was let in by another's answer would be found out.
    await Promise.all([[a, b], [b, a], [a, b], [b, a]].map(async ([one, other], lane) => {
      if (one === undefined || other === undefined) throw new Error('there are two servers');
      const at = { namespace: 'default', name: `lane-${lane}` };
      for (let i = 0; i < 25; i++) {
        const created = await one.create(ConfigMap, { metadata: at, data: { round: `${i}` } });
        expect(await other.get(ConfigMap, at)).toEqual(created);
        const updated = await other.update(ConfigMap, { ...created, data: { round: `${i}`, by: 'other' } });
        const { items } = await one.list(ConfigMap, { namespace: 'default', fieldSelector: `metadata.name=${at.name}` });
        expect(items.map(({ metadata, data }) => [metadata?.resourceVersion, data])).toEqual([[updated.metadata?.resourceVersion, updated.data]]);
        await one.delete(ConfigMap, at);
        await expect(other.get(ConfigMap, at)).rejects.toMatchObject({ code: 404 });
      }
    }));
  });

  it('are one cluster again when one was cut off until etcd had forgotten what it missed', async () => {
    const [a, b] = [await clientOf(first), await clientOf(second)];
    const at = (name: string) => ({ namespace: 'default', name });
    await a.create(ConfigMap, { metadata: at('goes') });
    const seen = await a.create(ConfigMap, { metadata: at('stays') });
    const seenEvents: string[] = [];
    const flow = (async () => {
      for await (const batch of b.watch(ConfigMap, { namespace: 'default', resourceVersion: seen.metadata?.resourceVersion ?? '' })) {
        for (const { type, object } of batch) seenEvents.push(`${type} ${object.metadata?.name}`);
      }
    })();
    const ended = expect(flow).rejects.toMatchObject({ code: 410 });
    await b.create(ConfigMap, { metadata: at('watched') });
    await eventually(() => expect(seenEvents).toEqual(['ADDED watched']));

    for (const link of links) link.cut();
    await a.delete(ConfigMap, at('goes'));
    for (const name of ['missed-1', 'missed-2', 'missed-3']) await a.create(ConfigMap, { metadata: at(name) });
    const store = await openEtcd({ endpoints: etcd.endpoints, compactionPeriodMs: 0 });
    const { revision } = await store.range({ from: '/registry/', to: '/registry/', countOnly: true });
    await store.compact(revision);
    await store.close();
    for (const link of links) link.mend();

    await ended;
    const names = async (client: Client) => (await client.list(ConfigMap, { namespace: 'default' })).items.map(({ metadata }) => metadata?.name);
    expect(await names(b)).toEqual(await names(a));
    expect(await names(b)).toEqual(expect.arrayContaining(['missed-1', 'missed-2', 'missed-3', 'stays', 'watched']));
    await b.create(ConfigMap, { metadata: at('after') });
    expect((await a.get(ConfigMap, at('after'))).metadata?.name).toBe('after');
    await kubectlFor(second)`delete configmaps --all`;
  });

  it('are found under the Service kubernetes', async () => {
    const kubectl = kubectlFor(first);
    const addresses = await kubectl`get endpoints kubernetes -o ${'jsonpath={.subsets[0].addresses[*].ip}'}`;
    expect(addresses).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
    expect(await kubectl`get endpointslice kubernetes -o ${'jsonpath={.endpoints[*].addresses[0]} {.ports[0].name}'}`).toBe(`${addresses} https`);
  });

  it('refuse a server that does not know the token', async () => {
    const stranger = await newDataDir('etcd-c');
    const { code, stderr } = await coracle('server', '--data-dir', stranger, '--api-port', '0', '--store', 'etcd', '--etcd-endpoints', etcd.endpoints.join(','));
    expect([code, stderr]).toEqual([1, expect.stringContaining('server-token')]);
    await remove(stranger);
  });

  it('have one leader; when it stops, the other goes on with what controllers do', async () => {
    const before = await eventually(async () => {
      const leader = await leaderOf(first);
      expect(leader).not.toBe('');
      return leader;
    });
    firstServer.kill('SIGTERM');
    await firstServer.ended;
    await eventually(async () => expect(['', before]).not.toContain(await leaderOf(second)), 30_000);
    const kubectl = kubectlFor(second);
    await kubectl.apply(deployment('led', { replicas: 2 }));
    await kubectl`wait deployment/led --for=jsonpath={.status.replicas}=2 --timeout=20s`;
  });

  it('go on when a member of etcd is killed', async () => {
    const kubectl = kubectlFor(second);
    await etcd.members[0]?.kill();
    await kubectl`scale deployment/led --replicas=3`;
    await kubectl`wait deployment/led --for=jsonpath={.status.replicas}=3 --timeout=20s`;
  });
});
