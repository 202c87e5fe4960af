import { isDeepStrictEqual } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { Pod, type Container } from '../../../machinery/kinds/core.ts';
import { parseQuantity, toMillis, toUnits } from '../../../machinery/quantity.ts';
import { webImage } from '../coracle.ts';
import { pod, script } from '../manifests.ts';
import { usePods } from './pods.ts';

/** What Kubernetes' conformance list demands of resizes in place; each title is an entry's. */
const pods = usePods('node-resize');
const { kubectl, namespace } = pods;

type Resources = NonNullable<Container['resources']>;
type Amounts = readonly [cpu: string | undefined, memory: string | undefined];

function resourcesOf([requestedCpu, requestedMemory]: Amounts, [cpu, memory]: Amounts): Resources {
  const named = (one: string | undefined, other: string | undefined) => ({ ...(one === undefined ? {} : { cpu: one }), ...(other === undefined ? {} : { memory: other }) });
  return { requests: named(requestedCpu, requestedMemory), limits: named(cpu, memory) };
}
const guaranteed = (cpu: string, memory: string): Resources => resourcesOf([cpu, memory], [cpu, memory]);

const first: Readonly<Record<string, readonly Resources[]>> = {
  up: [guaranteed('20m', '32Mi'), guaranteed('20m', '32Mi'), guaranteed('40m', '64Mi')],
  down: [guaranteed('20m', '32Mi'), guaranteed('40m', '64Mi'), guaranteed('40m', '64Mi')],
  mixed: [guaranteed('20m', '64Mi'), guaranteed('40m', '32Mi'), guaranteed('20m', '32Mi')],
  equivalent: [resourcesOf(['2m', undefined], ['10m', undefined])],
  replaced: [guaranteed('20m', '32Mi')],
  six: [
    resourcesOf(['20m', '32Mi'], ['40m', '64Mi']), resourcesOf(['20m', '32Mi'], ['40m', '64Mi']), resourcesOf(['40m', '64Mi'], ['40m', '64Mi']),
    {}, resourcesOf(['20m', undefined], [undefined, undefined]), resourcesOf([undefined, '32Mi'], [undefined, undefined]),
  ],
};

const containersOf = (resources: readonly Resources[]): Container[] => resources.map((each, index) => ({ name: `c${index + 1}`, image: webImage, ...script('exec sleep 1000'), resources: each }));

beforeAll(() => kubectl.apply(...Object.entries(first).map(([name, resources]) => pod(name, { spec: { containers: containersOf(resources) } }))));

/** What the kernel allows a container, from inside it: shares, quota (100 ms) and bytes; version 1's files or version 2's. */
const allowed = 'cd /sys/fs/cgroup; cat cpu/cpu.shares cpu/cpu.cfs_quota_us memory/memory.limit_in_bytes 2>/dev/null || cat cpu.weight cpu.max memory.max';
const unlimited = /^(max|-1|9223372036854771712)$/;

async function expectAllowed(name: string, container: string, { requests, limits }: Resources): Promise<void> {
  const [weight = '', quota = '', memory = ''] = (await kubectl`exec ${name} -c ${container} -- sh -c ${allowed}`).trim().split('\n');
  const [cpuLimit, memoryLimit] = [parseQuantity(limits?.['cpu'] ?? ''), parseQuantity(limits?.['memory'] ?? '')];
  if (cpuLimit === undefined) expect(quota.split(' ')[0]).toMatch(unlimited);
  else expect(quota.split(' ')[0]).toBe(String(Math.max(toMillis(cpuLimit) * 100, 1000)));
  if (memoryLimit === undefined) expect(memory).toMatch(unlimited);
  else expect(memory).toBe(String(toUnits(memoryLimit)));
  const request = parseQuantity(requests?.['cpu'] ?? limits?.['cpu'] ?? '');
  const shares = Math.max(2, request === undefined ? 0 : Math.floor(toMillis(request) * 1.024));
  expect(weight).toBe(String(quota.includes(' ') ? 1 + Math.floor((shares - 2) * 9999 / 262_142) : shares));
}

/** Waits until the pod has what it asks, without a restart, and holds the kernel to it. */
async function expectResized(name: string, wanted: readonly Resources[]): Promise<void> {
  const has = ({ metadata, status }: Pod): boolean => status?.observedGeneration === metadata?.generation
    && status?.conditions?.every(({ type }) => !type.startsWith('PodResize')) === true
    && wanted.every((resources, index) => isDeepStrictEqual(status.containerStatuses?.[index]?.resources, resources));
  const { status, spec } = await pods.until(name, has);
  expect(spec?.containers.map(({ resources }) => resources)).toEqual(wanted);
  expect(status?.containerStatuses?.map(({ restartCount, allocatedResources }) => [restartCount, allocatedResources])).toEqual(wanted.map(({ requests }) => [0, requests]));
  for (const [index, resources] of wanted.entries()) await expectAllowed(name, `c${index + 1}`, resources);
}

async function resize(name: string, wanted: readonly Resources[]): Promise<void> {
  const before = first[name] ?? [];
  await pods.ready(name);
  for (const [index, resources] of before.entries()) await expectAllowed(name, `c${index + 1}`, resources);
  const containers = wanted.map((resources, index) => ({ name: `c${index + 1}`, resources }));
  await kubectl`patch pod ${name} --subresource resize -p ${JSON.stringify({ spec: { containers } })}`;
  await expectResized(name, wanted);
}

describe('[sig-node] Pod InPlace Resize', () => {
  it('Pod InPlace Resize Container guaranteed pods with multiple containers 3 containers - increase cpu & mem on c1, c2, decrease cpu & mem on c3 - net increase [MinimumKubeletVersion:1.34]', () => (
    resize('up', [guaranteed('40m', '64Mi'), guaranteed('40m', '64Mi'), guaranteed('20m', '32Mi')])));

  it('Pod InPlace Resize Container guaranteed pods with multiple containers 3 containers - increase cpu & mem on c1, decrease cpu & mem on c2, c3 - net decrease [MinimumKubeletVersion:1.34]', () => (
    resize('down', [guaranteed('30m', '48Mi'), guaranteed('20m', '32Mi'), guaranteed('20m', '32Mi')])));

  it('Pod InPlace Resize Container guaranteed pods with multiple containers 3 containers - increase: CPU (c1,c3), memory (c2, c3) ; decrease: CPU (c2) [MinimumKubeletVersion:1.34]', () => (
    resize('mixed', [guaranteed('40m', '64Mi'), guaranteed('20m', '64Mi'), guaranteed('40m', '64Mi')])));

  it('Pod InPlace Resize Container burstable pods - extended 6 containers - various operations performed (including adding limits and requests) [MinimumKubeletVersion:1.34]', () => (
    resize('six', [
      resourcesOf(['40m', '64Mi'], ['60m', '96Mi']), resourcesOf(['10m', '24Mi'], ['20m', '32Mi']), resourcesOf(['20m', '64Mi'], ['40m', '96Mi']),
      resourcesOf(['20m', '32Mi'], ['40m', '64Mi']), resourcesOf(['20m', undefined], ['40m', undefined]), resourcesOf([undefined, '32Mi'], [undefined, '64Mi']),
    ])));

  it('Pod InPlace Resize Container burstable pods - extended resize with equivalents [MinimumKubeletVersion:1.34]', () => (
    // To the kernel they are the same: two shares are the fewest.
    resize('equivalent', [resourcesOf(['1m', undefined], ['5m', undefined])])));

  it('Pod InPlace Resize Container resize pod via the replace endpoint [MinimumKubeletVersion:1.34]', async () => {
    await pods.ready('replaced');
    const path = `/api/v1/namespaces/${namespace}/pods/replaced`;
    const asked = await kubectl.object<Pod>`get --raw ${`${path}/resize`}`;
    const wanted = [guaranteed('40m', '64Mi')];
    const spec = { ...asked.spec, containers: asked.spec?.containers.map((container) => ({ ...container, resources: wanted[0] })) };
    await kubectl.with({ input: JSON.stringify({ ...asked, spec }) })`replace --raw ${`${path}/resize`} -f -`;
    await expectResized('replaced', wanted);
    expect(await kubectl.object<Pod>`get --raw ${`${path}/resize`}`).toEqual(await kubectl.object<Pod>`get --raw ${path}`);
  });
});
