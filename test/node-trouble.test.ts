import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, rmSync } from 'node:fs';
import { mkdir, readdir } from 'node:fs/promises';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Event, Pod, ServiceAccount } from '../machinery/kinds/core.ts';
import type { Kind, KubernetesObject } from '../machinery/kinds/kind.ts';
import { evictionSettings } from '../node-agent/eviction/thresholds.ts';
import { destroyInstance } from '../node-agent/runtime/teardown.ts';
import { fillDisk } from './full-disk.ts';
import { newInstance, startTestAgent, takeInWeb, type TestAgent } from './test-agent.ts';
import { startTestServer, type TestServer } from './test-server.ts';

/** A node on a small disk of its own that fills up, and beside a registry that says nothing: pods are told, and the agent goes on. */
const instance = newInstance();
let test: TestServer;
let disk: string;
let agent: TestAgent | undefined;
let registry: Server;

beforeAll(async () => {
  test = await startTestServer();
  disk = join(test.dataDir, 'disk');
  await mkdir(disk);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=48m,nr_inodes=6000', 'coracle-test', disk]);
  registry = createServer(() => undefined).listen(0, '127.0.0.1');
  await once(registry, 'listening');
  await test.client.create(ServiceAccount, { metadata: { namespace: 'default', name: 'default' } });
  await takeInWeb({ dataDir: disk, instance });
  agent = await startTestAgent(test, { instance, dataDir: disk, eviction: evictionSettings({ hard: new Map() }) });
}, 60_000);

afterAll(async () => {
  await agent?.stop();
  registry?.close();
  await destroyInstance({ instance, dataDir: disk });
  // It is the machine's owner's, and still there.
  execFileSync('umount', [disk]);
  await test.dispose();
}, 60_000);

/** On the node's own network: nobody gives it a share of addresses here. */
function podOf(name: string, container: object = {}): Pod {
  return {
    metadata: { namespace: 'default', name },
    spec: { nodeName: 'n1', hostNetwork: true, terminationGracePeriodSeconds: 1, automountServiceAccountToken: false, containers: [{ name: 'main', image: 'web:1', command: ['sleep', '1000'], ...container }] },
  };
}

/** The first object, in whatever state it has had since, that is as wanted. */
async function until<T extends KubernetesObject>(kind: Kind<T>, holds: (object: T) => boolean, type = 'any'): Promise<T> {
  const signal = AbortSignal.timeout(40_000);
  let last: T | undefined;
  try {
    for await (const batch of test.client.watch(kind, { namespace: 'default', signal })) {
      for (const each of batch) {
        if (each.type === 'BOOKMARK' || (type !== 'any' && each.type !== type)) continue;
        last = each.object;
        if (holds(last)) return last;
      }
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  throw new Error(`none was as wanted; the last: ${JSON.stringify(last)}`);
}

const running = (name: string): Promise<Pod> => until(Pod, ({ metadata, status }) => metadata?.name === name && status?.phase === 'Running');
const told = (name: string, reason: RegExp, message: RegExp): Promise<Event> => until(Event, (event) => event.involvedObject.name === name && reason.test(event.reason ?? '') && message.test(event.message ?? ''));
async function removed(name: string): Promise<void> {
  const gone = until(Pod, ({ metadata }) => metadata?.name === name, 'DELETED');
  await test.client.delete(Pod, { namespace: 'default', name });
  await gone;
}
/** The agent answers, and so does a pod that it has. */
async function expectAnswer(name: string): Promise<void> {
  expect(await test.kubectl('exec', name, '--', 'echo', 'here')).toMatchObject({ code: 0, out: 'here\n' });
}

/** Takes every byte. */
function fillBytes(): string {
  const path = join(disk, 'hog');
  fillDisk(path);
  return path;
}

/** Takes every inode. */
function fillInodes(): string {
  const path = join(disk, 'crowd');
  mkdirSync(path);
  try {
    for (let index = 0; ; index++) closeSync(openSync(join(path, String(index)), 'w'));
  } catch {
    return path;
  }
}

describe.each([['has no byte left', 'bytes', fillBytes], ['has no inode left', 'inodes', fillInodes]])('a node whose disk %s', (_what, kind, fill) => {
  let hog: string | undefined;
  afterEach(() => {
    if (hog !== undefined) rmSync(hog, { recursive: true });
  });

  it('says so on the pods that it can\'t make, keeps those that run, ends those that are deleted, and makes the others once there is room', async () => {
    const names = { before: `before-${kind}`, ended: `ended-${kind}`, late: `late-${kind}`, unborn: `unborn-${kind}` };
    for (const name of [names.before, names.ended]) await test.client.create(Pod, podOf(name));
    await Promise.all([running(names.before), running(names.ended)]);
    hog = fill();
    for (const name of [names.late, names.unborn]) await test.client.create(Pod, podOf(name));
    await Promise.all([names.late, names.unborn].map((name) => told(name, /^Failed/, /no space left|No space left/)));
    await expectAnswer(names.before);
    expect((await test.client.get(Pod, { namespace: 'default', name: names.late })).status?.phase).toBe('Pending');
    const uids = await Promise.all([names.ended, names.unborn].map(async (name) => (await test.client.get(Pod, { namespace: 'default', name })).metadata?.uid));
    await Promise.all([removed(names.ended), removed(names.unborn)]);
    expect((await test.client.get(Pod, { namespace: 'default', name: names.before })).status?.containerStatuses?.[0]).toMatchObject({ ready: true, restartCount: 0 });
    rmSync(hog, { recursive: true });
    hog = undefined;
    await running(names.late);
    expect((await readdir(join(disk, 'pods'))).filter((uid) => uids.includes(uid))).toEqual([]);
    await Promise.all([removed(names.before), removed(names.late)]);
  }, 90_000);
});

describe('a node beside a registry that takes connections and says nothing', () => {
  it('goes on with other pods meanwhile, and ends the one that waits when it is deleted', async () => {
    await test.client.create(Pod, podOf('waits', { image: `127.0.0.1:${(registry.address() as AddressInfo).port}/team/app:1` }));
    await told('waits', /^Pulling$/, /./);
    await test.client.create(Pod, podOf('other'));
    await running('other');
    expect((await test.client.get(Pod, { namespace: 'default', name: 'waits' })).status).toMatchObject({ phase: 'Pending', containerStatuses: [{ state: { waiting: { reason: 'ContainerCreating' } } }] });
    await Promise.all([removed('waits'), removed('other')]);
  }, 60_000);
});
