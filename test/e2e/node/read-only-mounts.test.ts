import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Container } from '../../../machinery/kinds/core.ts';
import { run } from '../command.ts';
import { pod, script } from '../manifests.ts';
import { usePods } from './pods.ts';

/** Recursive read-only mounts, by a volume of the machine's that has something mounted below it. */
const pods = usePods('read-only-mounts');
const { kubectl } = pods;

type Mount = NonNullable<Container['volumeMounts']>[number];

let host: string;
beforeAll(async () => {
  host = await mkdtemp(join(tmpdir(), 'coracle-mounts-'));
  await mkdir(join(host, 'below'));
  await run('mount', ['-t', 'tmpfs', 'none', join(host, 'below')]);
});
afterAll(async () => {
  await run('umount', [join(host, 'below')]);
  await rm(host, { recursive: true });
});

const mounting = (name: string, mount: Partial<Mount>, container: Partial<Container> = {}) => pod(name, {
  spec: { restartPolicy: 'Never', volumes: [{ name: 'host', hostPath: { path: host } }] },
  container: { ...script('for directory in /v /v/below; do touch $directory/made && echo $directory; done 2>/dev/null; true'), ...container, volumeMounts: [{ name: 'host', mountPath: '/v', readOnly: true, ...mount }] },
});

describe('[sig-node] Mount recursive read-only [LinuxOnly]', () => {
  it('is what the node says that it can', async () => {
    const features = await kubectl`get nodes -o ${"jsonpath={.items[*].status.runtimeHandlers[?(@.name=='')].features.recursiveReadOnlyMounts}"}`;
    expect(features).toBe('true');
  });

  it.each<[string, Partial<Mount>, string, string]>([
    ['Enabled makes read-only what is mounted below', { recursiveReadOnly: 'Enabled' }, '', 'Enabled'],
    ['IfPossible does it too', { recursiveReadOnly: 'IfPossible', mountPropagation: 'None' }, '', 'Enabled'],
    ['Disabled does not', { recursiveReadOnly: 'Disabled' }, '/v/below\n', 'Disabled'],
    ['nor does what is not asked for', {}, '/v/below\n', 'Disabled'],
  ])('%s, and the status says which', async (title, mount, output, mode) => {
    const name = title.toLowerCase().replaceAll(/[^a-z]/g, '-').replace(/-+$/, '');
    await kubectl.apply(mounting(name, mount));
    expect(await pods.output(name)).toBe(output);
    const { status } = await pods.ended(name);
    expect(status?.containerStatuses?.[0]?.volumeMounts?.[0]).toEqual({ name: 'host', mountPath: '/v', readOnly: true, recursiveReadOnly: mode });
  });

  it.each<[string, Partial<Mount>, Partial<Container>, string]>([
    ['of a mount that is not read-only', { readOnly: false, recursiveReadOnly: 'Enabled' }, {}, 'may only be specified when readOnly is true'],
    ['beside propagation', { recursiveReadOnly: 'IfPossible', mountPropagation: 'HostToContainer' }, {}, 'may only be specified when mountPropagation is None or not specified'],
    ['of a kind that there is not', { recursiveReadOnly: 'Always' }, {}, 'Unsupported value: "Always"'],
    ['nor is propagation to the machine, but of privileged containers', { mountPropagation: 'Bidirectional' }, {}, 'Bidirectional mount propagation is available only to privileged containers'],
  ])('is refused %s', async (_title, mount, container, words) => {
    await expect(kubectl.apply(mounting('refused', mount, container))).rejects.toThrow(words);
  });
});
