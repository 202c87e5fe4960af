import { describe, expect, it } from 'vitest';
import { manualClock, type ManualClock } from '../../machinery/clock.ts';
import type { Node, Pod } from '../../machinery/kinds/core.ts';
import type { Kind } from '../../machinery/kinds/kind.ts';
import { failure } from '../../machinery/status.ts';
import type { Client } from '../../client/client.ts';
import type { Informer } from '../../client/informer.ts';
import { keyOf } from '../../client/informer-store.ts';
import { silentLog } from '../../client/log.ts';
import { createMirrorKeeper, mirrorOf, plan, type Shown, type Step } from './mirrors.ts';

const node: Node = { metadata: { name: 'n', uid: 'node-1' } };
const uid = 'a'.repeat(32);
const web: Pod = { metadata: { name: 'web-n', namespace: 'ns', uid, annotations: { own: 'yes' } }, spec: { containers: [] } };
const here: Shown = { pod: web, isEnding: false };
const mirror = (more: object = {}): Pod => ({ ...mirrorOf(web, node), metadata: { ...mirrorOf(web, node).metadata, uid: 'in-api', ...more } });
const named = (steps: readonly Step[]): readonly string[] => steps.map((step) => `${step.do} ${(step.do === 'create' ? step.pod : step.mirror).metadata?.name}`);

describe('the picture of static pods', () => {
  it.each<[string, readonly Shown[], readonly Pod[], Node | undefined, readonly string[]]>([
    ['is made', [here], [], node, ['create web-n']],
    ['is left as it is', [here], [mirror()], node, []],
    ['is not made without the node that it belongs to', [here], [], undefined, []],
    ['is not made while that node is being deleted', [here], [], { metadata: { ...node.metadata, deletionTimestamp: 'now' } }, []],
    ['is made anew when somebody deletes it', [here], [mirror({ deletionTimestamp: 'now' })], node, ['delete web-n']],
    ['is made anew of another manifest', [{ pod: { metadata: { ...web.metadata, uid: 'b'.repeat(32) } }, isEnding: false }], [mirror()], node, ['delete web-n']],
    ['is made anew for another node of that name', [here], [mirror()], { metadata: { name: 'n', uid: 'node-2' } }, ['delete web-n']],
    ['goes when nothing is here', [], [mirror()], node, ['delete web-n']],
    ['stays until the pod has ended', [{ pod: web, isEnding: true }], [mirror()], node, []],
    ['is not made of what ends', [{ pod: web, isEnding: true }], [], node, []],
  ])('%s', (_name, pods, mirrors, of, steps) => {
    expect(named(plan(pods, mirrors, of))).toEqual(steps);
  });

  it('says whose it is, and is nobody\'s to forge', () => {
    expect(mirrorOf(web, node)).toEqual({
      metadata: {
        name: 'web-n', namespace: 'ns', annotations: { own: 'yes', 'kubernetes.io/config.mirror': uid },
        ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: 'n', uid: 'node-1', controller: true }],
      },
      spec: { containers: [] },
    });
  });
});

/** An API in memory: writes are seen at once by whoever follows. */
function api(refusals: readonly (Error | undefined)[]): { readonly asked: string[]; readonly pods: Map<string, Pod>; readonly client: Client; change(name: string, pod: Pod | undefined): void; readonly informer: Informer<Pod> } {
  const [asked, pods, left]: [string[], Map<string, Pod>, (Error | undefined)[]] = [[], new Map(), [...refusals]];
  const handlers = new Set<(before: Pod | undefined, after: Pod | undefined) => void>();
  const change = (key: string, pod: Pod | undefined): void => {
    const before = pods.get(key);
    if (pod === undefined) pods.delete(key);
    else pods.set(key, pod);
    for (const handler of handlers) handler(before, pod);
  };
  const ask = async (what: string): Promise<void> => {
    asked.push(what);
    await Promise.resolve();
    const refusal = left.shift();
    if (refusal !== undefined) throw refusal;
  };
  const client = {
    async create(_kind: Kind, pod: Pod) {
      await ask('create');
      const made = { ...pod, metadata: { ...pod.metadata, uid: `made-${asked.length}` } };
      change(keyOf(pod), made);
      return made;
    },
    async delete(_kind: Kind, { namespace, name }: { namespace: string; name: string }, { gracePeriodSeconds, preconditions }: { gracePeriodSeconds: number; preconditions: { uid: string } }) {
      await ask(`delete ${preconditions.uid} within ${gracePeriodSeconds} s`);
      change(`${namespace}/${name}`, undefined);
    },
  } as unknown as Client;
  const informer = {
    list: () => [...pods.values()], waitForSync: async () => undefined, waitForRevision: async () => undefined,
    onChange: (handler: (before: Pod | undefined, after: Pod | undefined) => void) => { handlers.add(handler); return () => handlers.delete(handler); },
  } as unknown as Informer<Pod>;
  return { asked, pods, client, change, informer };
}

const nodes = { get: () => node, waitForSync: async () => undefined, onChange: () => () => undefined } as unknown as Informer<Node>;
const turns = async (): Promise<void> => { for (let i = 0; i < 5; i++) await new Promise((resolve) => void setImmediate(resolve)); };

describe('a keeper of mirrors', () => {
  async function keep(refusals: readonly (Error | undefined)[], test: (parts: ReturnType<typeof api> & { readonly clock: ManualClock; readonly told: string[]; readonly warnings: string[]; set(shown: readonly Shown[] | undefined): void }) => Promise<void>): Promise<void> {
    const [server, clock, stop, told, warnings]: [ReturnType<typeof api>, ManualClock, AbortController, string[], string[]] = [api(refusals), manualClock(), new AbortController(), [], []];
    let shown: readonly Shown[] | undefined;
    const keeper = createMirrorKeeper({
      client: server.client, clock, log: { ...silentLog, warn: (_fields, message) => void warnings.push(message) }, nodeName: 'n', nodes, pods: server.informer, shown: () => shown,
      shows: (of, by) => void told.push(`${of.slice(0, 1)} by ${by?.metadata?.uid}`),
    });
    const running = keeper.run(stop.signal);
    try {
      await test({ ...server, clock, told, warnings, set(now) { shown = now; keeper.changed(); } });
    } finally {
      stop.abort();
      await running;
    }
    expect(clock.pending()).toBe(0);
  }

  it('touches nothing before the manifests are known, and takes away what shows none then', async () => {
    await keep([], async ({ asked, change, set }) => {
      change('ns/web-n', mirror());
      await turns();
      expect(asked).toEqual([]);
      set([]);
      await turns();
      expect(asked).toEqual(['delete in-api within 0 s']);
    });
  });

  it('makes a mirror that somebody deletes anew, and says what shows the pod', async () => {
    await keep([], async ({ asked, change, set, pods, told }) => {
      set([here]);
      await turns();
      change('ns/web-n', { ...pods.get('ns/web-n'), metadata: { ...pods.get('ns/web-n')?.metadata, deletionTimestamp: 'now' } });
      await turns();
      expect(asked).toEqual(['create', 'delete made-1 within 0 s', 'create']);
      expect(told.at(-1)).toBe('a by made-3');
      expect(told).toContain('a by undefined');
    });
  });

  it('tries again what the API refuses, later each time, and says so once', async () => {
    const missing = failure('NotFound', 'namespaces "ns" not found');
    await keep([missing, missing, missing], async ({ asked, set, clock, warnings, change }) => {
      set([here]);
      await turns();
      expect(asked).toHaveLength(1);
      // What concerns another pod is no reason to ask again.
      change('ns/other', mirror({ name: 'other' }));
      change('ns/other', undefined);
      await turns();
      expect(asked.filter((each) => each === 'create')).toHaveLength(1);
      for (const [ms, times] of [[1000, 2], [1999, 2], [1, 3], [4000, 4], [600_000, 4]] as const) {
        clock.advance(ms);
        await turns();
        expect(asked.filter((each) => each === 'create')).toHaveLength(times);
      }
      expect(warnings).toEqual(['the mirror of a static pod was not created: it is tried again']);
    });
  });

  it('says whose name a pod has taken', async () => {
    await keep([failure('AlreadyExists', 'pods "web-n" already exists')], async ({ asked, set, clock }) => {
      set([here]);
      await turns();
      clock.advance(1000);
      await turns();
      expect(asked).toEqual(['create', 'create']);
    });
  });
});
