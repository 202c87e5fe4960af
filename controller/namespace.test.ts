import { describe, expect, it } from 'vitest';
import { ConfigMap, Pod, type Namespace } from '../machinery/kinds/core.ts';
import { plan, type Observed } from './namespace.ts';

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
