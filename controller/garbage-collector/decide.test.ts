import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ReplicaSet } from '../../machinery/kinds/apps.ts';
import { Pod } from '../../machinery/kinds/core.ts';
import { decide, type OwnerState } from './decide.ts';
import { createGraph, nodeOf, type GraphNode } from './graph.ts';

const reference = (uid: string, blockOwnerDeletion = true) => ({ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: uid, uid, controller: true, blockOwnerDeletion });
const object = (uid: string, owners: readonly string[] = [], more: Record<string, unknown> = {}) => ({
  metadata: { namespace: 'default', name: uid, uid, ownerReferences: owners.map((owner) => reference(owner)), ...more },
});
const going = (finalizer: string) => ({ deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: [finalizer] });
const dependent = (blocks: boolean, deleting = false): GraphNode => (
  nodeOf(Pod, { metadata: { uid: 'dependent', ownerReferences: [reference('a', blocks)], ...(deleting ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}) } })
);
const owners = (...states: readonly OwnerState[]) => states.map((state, index) => ({ reference: reference(`owner-${index}`), state }));

describe('what becomes of an object', () => {
  const plain = nodeOf(Pod, object('a'));
  it.each([
    ['without owners it stays', plain, [], [], { type: 'keep' }],
    ['with an owner it stays', plain, owners('solid'), [], { type: 'keep' }],
    ['without any of its owners it goes', plain, owners('absent', 'absent'), [], { type: 'delete', policy: 'Background' }],
    ['with one of two owners it forgets the other', plain, owners('solid', 'absent'), [], { type: 'dropOwners', uids: ['owner-1'] }],
    ['with an owner of a kind that nobody serves it stays as it is, whatever the others are', plain, owners('unknown', 'absent', 'solid', 'waiting'), [dependent(true)], { type: 'keep' }],
    ['told to leave what it owns, it goes without that', nodeOf(Pod, object('a', [], { finalizers: ['orphan'] })), owners('absent'), [], { type: 'delete', policy: 'Orphan' }],
    ['told to go after what it owns, it waits for that', nodeOf(Pod, object('a', [], { finalizers: ['foregroundDeletion'] })), owners('absent'), [dependent(true)], { type: 'delete', policy: 'Foreground', unblock: false }],
    ['with an owner that waits for it, it goes', plain, owners('waiting'), [], { type: 'delete', policy: 'Background' }],
    ['with an owner that waits and dependents of its own, it waits for those', plain, owners('waiting'), [dependent(true)], { type: 'delete', policy: 'Foreground', unblock: false }],
    ['with an owner that waits and a dependent that waits too, perhaps for it, its owner waits for it no longer', plain, owners('waiting'), [nodeOf(Pod, object('b', ['a'], going('foregroundDeletion')))], { type: 'delete', policy: 'Foreground', unblock: true }],
    ['being deleted by somebody else already, it is left alone', nodeOf(Pod, object('a', [], going('other'))), owners('absent'), [], { type: 'keep' }],
    ['waiting for nobody, it is released', nodeOf(Pod, object('a', [], going('foregroundDeletion'))), [], [dependent(false)], { type: 'release' }],
  ] as const)('%s', (_name, node, family, dependents, expected) => {
    expect(decide({ node, owners: [...family], dependents: [...dependents] })).toEqual(expected);
  });

  it('waits for dependents that block it, and deletes those that are not going yet', () => {
    const node = nodeOf(Pod, object('a', [], going('foregroundDeletion')));
    expect(decide({ node, owners: [], dependents: [dependent(true), dependent(false), dependent(true, true)] })).toEqual({
      type: 'deleteDependents', dependents: [dependent(true), dependent(false)],
    });
  });

  it('sets its dependents free when it is told to', () => {
    const node = nodeOf(Pod, object('a', [], going('orphan')));
    expect(decide({ node, owners: [], dependents: [dependent(true)] })).toEqual({ type: 'orphanDependents', dependents: [dependent(true)] });
  });
});

describe('the graph of owners', () => {
  it('knows the dependents of every owner, however objects come, change and go', () => {
    const uid = fc.constantFrom('a', 'b', 'c', 'd');
    const change = fc.oneof(fc.record({ uid, owners: fc.uniqueArray(uid) }), fc.record({ uid }));
    fc.assert(fc.property(fc.array(change), (changes) => {
      const graph = createGraph();
      const model = new Map<string, readonly string[]>();
      for (const one of changes) {
        if ('owners' in one) {
          graph.set(nodeOf(ReplicaSet, object(one.uid, one.owners)));
          model.set(one.uid, one.owners);
        } else {
          graph.delete(one.uid);
          model.delete(one.uid);
        }
      }
      for (const owner of ['a', 'b', 'c', 'd']) {
        const expected = [...model].filter(([, named]) => named.includes(owner)).map(([name]) => name);
        expect(graph.dependentsOf(owner).map((node) => node.uid).toSorted()).toEqual(expected.toSorted());
      }
    }));
  });
});
