import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { manualClock } from '../machinery/clock.ts';
import type { KubernetesObject } from '../machinery/kinds/kind.ts';
import { failure } from '../machinery/status.ts';
import { createClient } from '../client/client.ts';
import { silentLog } from '../client/log.ts';
import { createImagePolicySource } from './image-policies.ts';

const policy = { apiVersion: 'coracle.dev/v1', kind: 'ImagePolicy', metadata: { name: 'p', resourceVersion: '1' }, spec: { rules: [{ image: '**', allow: 'unsigned' }] } };
const remembered = [{ metadata: { name: 'p' }, spec: policy.spec }];

let directory: string;
let path: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'coracle-policies-'));
  path = join(directory, 'image-policies.json');
});
afterEach(() => rm(directory, { recursive: true }));

/** The source before an API that answers lists so. */
function sourceOf(list: () => KubernetesObject) {
  const client = createClient({
    async request() {
      return list();
    },
    async *watch({ signal }) {
      yield [];
      await new Promise((resolve) => void signal?.addEventListener('abort', resolve));
    },
  });
  return createImagePolicySource(client, manualClock(), silentLog, path);
}

const one = (): KubernetesObject => ({ metadata: { resourceVersion: '1' }, items: [policy] } as KubernetesObject);
const unreachable = (): never => {
  throw new Error('nobody answers');
};
const unknownKind = (): never => {
  throw failure('NotFound', 'the server could not find the requested resource');
};

describe('the image policies that a node knows', () => {
  it('are the API’s, and are written down', async () => {
    const stop = new AbortController();
    const source = sourceOf(one);
    expect(await source.current()).toMatchObject([policy]);
    const running = source.run(stop.signal);
    await expect.poll(async () => JSON.parse(await readFile(path, 'utf8').catch(() => 'null'))).toEqual(remembered);
    expect(await source.current()).toMatchObject([policy]);
    stop.abort();
    await running;
  });

  it.each([['while the API can’t be reached', unreachable], ['while the API does not know the kind yet', unknownKind]])('are the last that were known %s', async (_name, list) => {
    await writeFile(path, JSON.stringify(remembered));
    expect(await sourceOf(list).current()).toEqual(remembered);
  });

  it('are none where the API has no such kind', async () => {
    expect(await sourceOf(unknownKind).current()).toEqual([]);
  });

  it('are not taken to be none when nothing is known', async () => {
    await expect(sourceOf(unreachable).current()).rejects.toThrow("the cluster's image policies can't be read: nobody answers");
  });
});
