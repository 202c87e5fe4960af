import { describe, expect, it } from 'vitest';
import { ConfigMap, Pod, type Namespace } from '../machinery/kinds/core.ts';
import { plan } from './namespace.ts';

const now = Date.UTC(2026, 0, 1);
const going: Namespace = { metadata: { name: 'web', deletionTimestamp: '2026-01-01T00:00:00Z' }, spec: { finalizers: ['kubernetes', 'mine'] }, status: { phase: 'Terminating' } };

describe('a namespace', () => {
  it('is left alone while nobody deletes it', () => {
    expect(plan({ metadata: { name: 'web' }, spec: { finalizers: ['kubernetes'] } }, { remaining: [] }, now)).toEqual([]);
  });

  it('loses its pods first', () => {
    const steps = plan(going, { remaining: [{ kind: ConfigMap, count: 1, finalizers: {} }, { kind: Pod, count: 2, finalizers: {} }] }, now);
    expect(steps.at(-1)).toEqual({ type: 'together', steps: [{ type: 'deleteCollection', kind: Pod, namespace: 'web' }] });
  });

  it('says what is left and what holds it', () => {
    const [told, deletions] = plan(going, { remaining: [{ kind: ConfigMap, count: 3, finalizers: { 'example.com/hold': 2 } }] }, now);
    expect(told).toMatchObject({ status: { conditions: expect.arrayContaining([
      expect.objectContaining({ type: 'NamespaceContentRemaining', status: 'True', reason: 'SomeResourcesRemain', message: 'Some resources are remaining: configmaps. has 3 resource instances' }),
      expect.objectContaining({ type: 'NamespaceFinalizersRemaining', status: 'True', message: 'Some content in the namespace has finalizers remaining: example.com/hold in 2 resource instances' }),
    ]) } });
    expect(deletions).toMatchObject({ steps: [{ kind: ConfigMap }] });
  });

  it('is let go when nothing is left, other holders kept', () => {
    expect(plan(going, { remaining: [] }, now)).toMatchObject([{ type: 'update', subresource: 'finalize', object: { spec: { finalizers: ['mine'] } } }]);
  });
});
