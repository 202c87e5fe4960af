import { describe, expect, it } from 'vitest';
import { createClient } from '../client/client.ts';
import { ConfigMap, Pod, type Namespace } from '../machinery/kinds/core.ts';
import { defineKind, type KubernetesObject } from '../machinery/kinds/kind.ts';
import { countAll, plan, type Observed } from './namespace.ts';

const now = Date.UTC(2026, 0, 1);
const going: Namespace = { metadata: { name: 'web', deletionTimestamp: '2026-01-01T00:00:00Z' }, spec: { finalizers: ['kubernetes', 'mine'] }, status: { phase: 'Terminating' } };

const seeing = (more: Partial<Observed> = {}): Observed => ({ remaining: [], undiscovered: [], failures: [], ...more });

describe('a namespace', () => {
  it('is left alone while nobody deletes it', () => {
    expect(plan({ metadata: { name: 'web' }, spec: { finalizers: ['kubernetes'] } }, seeing(), now)).toEqual([]);
  });

  it('loses its pods first', () => {
    const steps = plan(going, seeing({ remaining: [{ kind: ConfigMap, count: 1, finalizers: {} }, { kind: Pod, count: 2, finalizers: {} }] }), now);
    expect(steps[0]).toEqual({ type: 'together', steps: [{ type: 'deleteCollection', kind: Pod, namespace: 'web' }] });
  });

  it('says what is left and what holds it', () => {
    const [deletions, told] = plan(going, seeing({ remaining: [{ kind: ConfigMap, count: 3, finalizers: { 'example.com/hold': 2 } }] }), now);
    expect(told).toMatchObject({ status: { conditions: expect.arrayContaining([
      expect.objectContaining({ type: 'NamespaceContentRemaining', status: 'True', reason: 'SomeResourcesRemain', message: 'Some resources are remaining: configmaps. has 3 resource instances' }),
      expect.objectContaining({ type: 'NamespaceFinalizersRemaining', status: 'True', message: 'Some content in the namespace has finalizers remaining: example.com/hold in 2 resource instances' }),
    ]) } });
    expect(deletions).toMatchObject({ steps: [{ kind: ConfigMap }] });
  });

  it.each<[string, Partial<Observed>, object]>([
    ['a server does not say what it holds', { undiscovered: ['a.io/v1', 'b.io/v2'] }, {
      type: 'NamespaceDeletionDiscoveryFailure', status: 'True', reason: 'DiscoveryFailed',
      message: 'Discovery failed for some groups, 2 failing: unable to retrieve the complete list of server APIs: a.io/v1: stale GroupVersion discovery: a.io/v1, b.io/v2: stale GroupVersion discovery: b.io/v2',
    }],
    ['a kind can not be asked', { failures: ['no', 'never'] }, {
      type: 'NamespaceDeletionContentFailure', status: 'True', reason: 'ContentDeletionFailed', message: 'Failed to delete all resource types, 2 remaining: never, no',
    }],
  ])('is held when %s', (_name, more, condition) => {
    const steps = plan(going, seeing(more), now);
    expect(steps[0]).toMatchObject({ type: 'status', status: { conditions: expect.arrayContaining([
      expect.objectContaining(condition), expect.objectContaining({ type: 'NamespaceContentRemaining', status: 'False', reason: 'ContentRemoved', message: 'All content successfully removed' }),
    ]) } });
  });

  it('is looked at again while another server holds something: less often, the longer that takes', () => {
    const remaining = [{ kind: ConfigMap, count: 1, finalizers: {}, isElsewhere: true, names: ['a'] }] as const;
    const [deletions, , again] = plan(going, seeing({ remaining }), now);
    expect(deletions).toEqual({ type: 'together', steps: [{ type: 'deleteCollection', kind: ConfigMap, namespace: 'web', names: ['a'] }] });
    expect(again).toEqual({ type: 'requeueAfter', ms: 500 });
    expect([4000, 3_600_000].map((age) => plan(going, seeing({ remaining }), now + age).at(-1))).toEqual([{ type: 'requeueAfter', ms: 4000 }, { type: 'requeueAfter', ms: 30_000 }]);
  });

  it('is let go when nothing is left, other holders kept', () => {
    expect(plan(going, seeing(), now)).toMatchObject([{ type: 'update', subresource: 'finalize', object: { spec: { finalizers: ['mine'] } } }]);
  });
});

describe('what a namespace holds', () => {
  const things = defineKind('ext.io', 'v1', 'Thing', 'things');
  const clientOf = (answer: (resource: string) => Promise<unknown>) => createClient({
    request: async ({ resource }) => (await answer(resource)) as KubernetesObject,
    watch: () => { throw new Error('nothing is watched'); },
  });
  const counted = (list: object) => countAll(clientOf(async () => list), [{ kind: things, verbs: ['list', 'delete'] }], 'web', AbortSignal.timeout(5000));

  it('is counted with the finalizers that hold it', async () => {
    const items = [{ metadata: { name: 'a', finalizers: ['x', '__proto__'] } }, { metadata: { name: 'b', finalizers: ['x'] } }];
    const { remaining } = await counted({ metadata: { remainingItemCount: 3 }, items });
    expect(remaining).toMatchObject([{ kind: things, count: 5, isElsewhere: true, names: ['a', 'b'] }]);
    expect(Object.entries(remaining[0]?.finalizers ?? {})).toEqual([['x', 2], ['__proto__', 1]]);
  });

  it.each<[string, readonly unknown[]]>([
    ['nothing', [null]],
    ['a text', ['a']],
    ['metadata of another type', [{ metadata: 7 }]],
    ['finalizers that are objects', [{ metadata: { name: 'a', finalizers: [{}] } }]],
    ['finalizers that are no list', [{ metadata: { name: 'a', finalizers: 'x' } }]],
  ])('is not known when a server lists %s', async (_name, items) => {
    expect(await counted({ items })).toEqual({ remaining: [], failures: ['the server answered with something that is no list of things.ext.io'] });
  });

  it('is asked for a few kinds at a time', async () => {
    let running = 0;
    let most = 0;
    const client = clientOf(async () => {
      running += 1;
      most = Math.max(most, running);
      await new Promise(setImmediate);
      running -= 1;
      return { items: [{}] };
    });
    const kinds = Array.from({ length: 200 }, (_, index) => ({ kind: defineKind('ext.io', 'v1', `K${index}`, `k${index}`), verbs: ['list', 'delete'] }));
    const { remaining } = await countAll(client, kinds, 'web', AbortSignal.timeout(5000));
    expect(remaining.map(({ kind }) => kind)).toEqual(kinds.map(({ kind }) => kind));
    expect(most).toBe(8);
  });

  it('is named as far as an object has room for it', () => {
    const steps = plan(going, seeing({ failures: Array.from({ length: 60_000 }, (_, index) => `k${index}`) }), now);
    expect(JSON.stringify(steps)).toContain('60000 remaining: k0, ');
    expect(JSON.stringify(steps)).toContain(', and 59900 more"');
  });
});
