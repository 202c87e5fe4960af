import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEtcd, type EtcdCluster } from '../suites/etcd.ts';
import type { Started } from './command.ts';
import { coracle, kubectlFor, newDataDir, remove, startUntil } from './coracle.ts';
import { eventually } from './eventually.ts';
import { deployment } from './manifests.ts';

/** Two servers of one cluster, over an etcd of three members. No node: pods stay Pending. */
let etcd: EtcdCluster;
let first: string;
let second: string;
let firstServer: Started;

function server(dataDir: string, ...more: readonly string[]): Promise<Started> {
  return startUntil(/^API server: /m, ['server', '--data-dir', dataDir, '--api-port', '0', '--store', 'etcd', '--etcd-endpoints', etcd.endpoints.join(','), ...more]);
}

const leaderOf = async (dataDir: string) => kubectlFor(dataDir)`get lease kube-controller-manager -n kube-system -o jsonpath={.spec.holderIdentity}`;

beforeAll(async () => {
  etcd = await startEtcd(3);
  first = await newDataDir('etcd-a');
  second = await newDataDir('etcd-b');
  firstServer = await server(first);
  await server(second, '--server-token-file', join(first, 'server-token'));
});

afterAll(async () => {
  // One after the other: the second's command line names the first's directory.
  const removed = [...(await Promise.allSettled([remove(second)])), ...(await Promise.allSettled([remove(first)]))];
  await etcd.dispose();
  for (const each of removed) if (each.status === 'rejected') throw each.reason;
});

describe('two servers over one etcd', () => {
  it('are one cluster: what one was told the other answers at once, under the same authority', async () => {
    const [a, b] = [kubectlFor(first), kubectlFor(second)];
    for (let i = 0; i < 5; i++) {
      await a`create configmap ${`from-a-${i}`} --from-literal=a=${String(i)}`;
      expect(await b`get configmap ${`from-a-${i}`} -o jsonpath={.data.a}`).toBe(String(i));
    }
    await b`delete configmap from-a-0`;
    expect(await a.refused`get configmap from-a-0`).toContain('configmaps "from-a-0" not found');
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
