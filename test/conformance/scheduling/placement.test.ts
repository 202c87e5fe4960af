import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { Node, Pod, ServiceAccount, type Container, type PodSpec } from '../../../machinery/kinds/core.ts';
import { eventually } from '../../e2e/eventually.ts';
import { useCluster } from '../cluster.ts';
import { unique } from '../definitions.ts';
import { useNode } from '../kubelet.ts';

/** It has 16 CPUs. */
const played = useNode();
const cluster = useCluster('placement');

beforeAll(async () => {
  await eventually(() => cluster.client.get(ServiceAccount, { namespace: cluster.namespace, name: 'default' }));
});

const spec = (cpu: string, more: Partial<PodSpec> = {}, container: Partial<Container> = {}): PodSpec => ({
  ...played.place, containers: [{ name: 'c', image: 'registry.example/pause', resources: { requests: { cpu }, limits: { cpu } }, ...container }], terminationGracePeriodSeconds: 0, ...more,
});

type Address = { readonly namespace: string; readonly name: string };

/** Until the test ends. */
async function create(podSpec: PodSpec): Promise<Address> {
  const { client, namespace } = cluster;
  const created = await client.create(Pod, { metadata: { namespace, generateName: 'placed-' }, spec: podSpec });
  const at = { namespace: created.metadata?.namespace ?? '', name: created.metadata?.name ?? '' };
  onTestFinished(() => gone(at));
  return at;
}

async function gone(at: Address): Promise<void> {
  const { client } = cluster;
  await eventually(async () => {
    await client.delete(Pod, at).catch(() => undefined);
    await expect(client.get(Pod, at)).rejects.toMatchObject({ code: 404 });
  });
}

async function runs(at: Address): Promise<Pod> {
  return eventually(async () => {
    const pod = await cluster.client.get(Pod, at);
    expect(pod).toMatchObject({ spec: { nodeName: played.name }, status: { phase: 'Running' } });
    return pod;
  });
}

async function staysOut(at: Address, why: string): Promise<void> {
  await eventually(async () => {
    const { spec: its, status } = await cluster.client.get(Pod, at);
    expect(its?.nodeName).toBeUndefined();
    expect(status?.conditions?.find(({ type }) => type === 'PodScheduled')).toMatchObject({ status: 'False', reason: 'Unschedulable', message: expect.stringContaining(why) as unknown });
  });
}

describe('[sig-scheduling] Predicates', () => {
  it('SchedulerPredicates [Serial] validates resource limits of pods that are allowed to run', async () => {
    const filler = await create(spec('12'));
    await runs(filler);
    const additional = await create(spec('5'));
    await staysOut(additional, 'Insufficient cpu');
    await gone(filler);
    await runs(additional);
  });

  it('SchedulerPredicates [Serial] validates that NodeSelector is respected if not matching', async () => {
    await staysOut(await create(spec('1', { nodeSelector: { [unique('label')]: 'nonempty' } })), 'node affinity/selector');
  });

  it('SchedulerPredicates [Serial] validates that NodeSelector is respected if matching', async () => {
    const { client } = cluster;
    const label = unique('kubernetes.io');
    const pod = await create(spec('1', { nodeSelector: { [label]: '42' } }));
    await staysOut(pod, 'node affinity/selector');
    await client.patch(Node, { name: played.name }, 'application/merge-patch+json', { metadata: { labels: { [label]: '42' } } });
    await runs(pod);
    await client.patch(Node, { name: played.name }, 'application/merge-patch+json', { metadata: { labels: { [label]: null } } });
  });

  it('SchedulerPredicates [Serial] validates that there exists conflict between pods with same hostPort and protocol but one using 0.0.0.0 hostIP', async () => {
    const port = (hostIP: string) => ({ ports: [{ containerPort: 54322, hostPort: 54322, protocol: 'TCP', ...(hostIP === '' ? {} : { hostIP }) }] });
    await runs(await create(spec('1', {}, port(''))));
    await staysOut(await create(spec('1', {}, port('127.0.0.1'))), `didn't have free ports`);
  });
});
