import { describe, expect, it } from 'vitest';
import { timestamp } from '../../machinery/conditions.ts';
import type { StatefulSet } from '../../machinery/kinds/apps.ts';
import type { PersistentVolumeClaim } from '../../machinery/kinds/core.ts';
import type { Step } from '../steps.ts';
import { plan, type Observed } from './stateful-set.ts';
import { changes, now, observed, set, template, type Spec } from './test-objects.ts';

const parallel = { podManagementPolicy: 'Parallel' };
type Retention = Spec['persistentVolumeClaimRetentionPolicy'];
const withClaims = (spec: Partial<Spec> = {}, retention?: Retention): StatefulSet => set({
  replicas: 1, volumeClaimTemplates: [{ metadata: { name: 'data', labels: { tier: 'db' } }, spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } }],
  ...(retention === undefined ? {} : { persistentVolumeClaimRetentionPolicy: retention }), ...spec,
});
const claim = (ordinal: number, more: PersistentVolumeClaim['metadata'] = {}): PersistentVolumeClaim => ({ metadata: { namespace: 'default', name: `data-web-${ordinal}`, uid: `claim-${ordinal}`, ...more } });
const claims = (...list: readonly PersistentVolumeClaim[]): Partial<Observed> => ({ claimOf: (name) => list.find(({ metadata }) => metadata?.name === name) });
const owners = (steps: readonly Step[]): unknown[] => steps.flatMap((step) => (step.type === 'update' ? [(step.object.metadata?.ownerReferences ?? []).map(({ kind, uid }) => `${kind} ${uid}`)] : []));
const ofSet = [{ apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'web', uid: 'set', controller: true }];

describe('the claims of a StatefulSet', () => {
  it('are made before their pod, which mounts them in place of volumes of their name', () => {
    const spec = { ...template('new').spec, containers: [], volumes: [{ name: 'data', emptyDir: {} }, { name: 'tmp', emptyDir: {} }] };
    const [made, created] = plan(withClaims({ template: { ...template('new'), spec } }), observed('', { revisions: [] }), now).filter(({ type }) => type === 'create').slice(1);
    expect(made).toMatchObject({ object: { metadata: { name: 'data-web-0', namespace: 'default', labels: { tier: 'db', app: 'web' } }, spec: { accessModes: ['ReadWriteOnce'] } } });
    expect(made?.type === 'create' && made.done?.('data-web-0')).toMatchObject({ reason: 'SuccessfulCreate', message: 'create Claim data-web-0 Pod web-0 in StatefulSet web success' });
    expect(created).toMatchObject({ object: { spec: { volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'data-web-0' } }, { name: 'tmp', emptyDir: {} }] } } });
  });

  it('are made in parallel each before its pod', () => {
    const [batch] = plan(withClaims({ ...parallel, replicas: 2 }), observed('', claims(claim(1))), now);
    expect(batch).toMatchObject({ type: 'slowStart', steps: [{ type: 'sequence' }, { type: 'create' }] });
    expect(changes(batch === undefined ? [] : [batch])).toBe('+data-web-0 +web-0 +web-1');
  });

  it.each<[string, Observed, string]>([
    ['are taken up again when they are there', observed('', claims(claim(0))), '+web-0'],
    ['are made anew for a pod that waits for them', observed('0n-'), '+data-web-0'],
    ['have to be gone first when they are going', observed('', claims(claim(0, { deletionTimestamp: timestamp(now) }))), ''],
    ['have to be gone first when they went with an earlier pod', observed('', claims(claim(0, { ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'web-0', uid: 'before' }] }))), ''],
  ])('%s', (_name, seen, expected) => {
    expect(changes(plan(withClaims(), seen, now))).toBe(expected);
  });

  it.each<[string, Retention, PersistentVolumeClaim['metadata'], readonly unknown[]]>([
    ['stay without an owner', undefined, {}, []],
    ['go with the set when told to', { whenDeleted: 'Delete' }, {}, [['StatefulSet set'], ['StatefulSet set']]],
    ['go with pods beyond its size when told to', { whenScaled: 'Delete' }, {}, [['Pod 1n']]],
    ['go with one or the other when told to', { whenDeleted: 'Delete', whenScaled: 'Delete' }, {}, [['StatefulSet set'], ['Pod 1n']]],
    ['stay again when told to', { whenDeleted: 'Retain', whenScaled: 'Retain' }, { ownerReferences: ofSet }, [[], []]],
    ['are left alone when someone else manages them', { whenDeleted: 'Delete' }, { ownerReferences: [{ apiVersion: 'v1', kind: 'Other', name: 'o', uid: 'o', controller: true }] }, []],
  ])('%s', (_name, retention, metadata, expected) => {
    expect(owners(plan(withClaims({}, retention), observed('0n 1n', claims(claim(0, metadata), claim(1, metadata))), now))).toEqual(expected);
  });
});
