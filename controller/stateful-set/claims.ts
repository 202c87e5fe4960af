import { referenceTo } from '../../client/events.ts';
import { StatefulSet } from '../../machinery/kinds/apps.ts';
import { PersistentVolumeClaim, Pod, type OwnerReference } from '../../machinery/kinds/core.ts';
import { ownerReference } from '../../machinery/owner-references.ts';
import { event, update, type Step } from '../steps.ts';
import { claimName, isWanted, podName } from './identity.ts';

/**
 * The claims of a StatefulSet's pods: made before their pod, kept when it goes, and by whom they are owned, which decides when they go
 * too. Source: "StatefulSets", PersistentVolumeClaim retention.
 */

/** The namespace's claims by name. */
export type ClaimOf = (name: string) => PersistentVolumeClaim | undefined;

/** The claims that a pod of this ordinal mounts. */
export function claimsFor(set: StatefulSet, ordinal: number): readonly PersistentVolumeClaim[] {
  return (set.spec?.volumeClaimTemplates ?? []).map(({ metadata, spec }) => {
    const labels = { ...metadata?.labels, ...set.spec?.selector?.matchLabels };
    const owners = wantedOwners(set, ordinal, undefined);
    return {
      metadata: {
        name: claimName(set, metadata?.name ?? '', ordinal),
        ...(set.metadata?.namespace === undefined ? {} : { namespace: set.metadata.namespace }),
        labels,
        ...(metadata?.annotations === undefined ? {} : { annotations: metadata.annotations }),
        ...(metadata?.finalizers === undefined ? {} : { finalizers: metadata.finalizers }),
        ...(owners.length === 0 ? {} : { ownerReferences: owners }),
      },
      ...(spec === undefined ? {} : { spec }),
    };
  });
}

/** Makes those that aren't there. */
export function createMissing(set: StatefulSet, ordinal: number, claimOf: ClaimOf): readonly Step[] {
  const about = referenceTo(StatefulSet, set);
  const pod = podName(set, ordinal);
  return claimsFor(set, ordinal).filter(({ metadata }) => claimOf(metadata?.name ?? '') === undefined).map((object): Step => ({
    type: 'create', kind: PersistentVolumeClaim, object, existingIsFine: true,
    done: (name) => event(about, 'Normal', 'SuccessfulCreate', `create Claim ${name} Pod ${pod} in StatefulSet ${set.metadata?.name} success`),
    failed: (error) => event(about, 'Warning', 'FailedCreate', `create Claim ${object.metadata?.name} for Pod ${pod} in StatefulSet ${set.metadata?.name} failed error: ${error.message}`),
  }));
}

/** A claim that a pod of this ordinal can't be made over: it is going away, and its name has to be free first. */
export function goingClaim(set: StatefulSet, ordinal: number, claimOf: ClaimOf): PersistentVolumeClaim | undefined {
  return present(set, ordinal, claimOf).find(({ metadata }) => metadata?.deletionTimestamp !== undefined);
}

/** Is one of them owned by a pod of this name that is no more? It goes as soon as the garbage collector has seen so. */
export function hasStaleClaim(set: StatefulSet, ordinal: number, claimOf: ClaimOf): boolean {
  return present(set, ordinal, claimOf).some(({ metadata }) => (metadata?.ownerReferences ?? []).some((owner) => refersToPod(owner, podName(set, ordinal))));
}

function present(set: StatefulSet, ordinal: number, claimOf: ClaimOf): readonly PersistentVolumeClaim[] {
  return (set.spec?.volumeClaimTemplates ?? []).flatMap(({ metadata }) => claimOf(claimName(set, metadata?.name ?? '', ordinal)) ?? []);
}

/** Gives the claims of a pod the owners that the retention policy says. Someone else's claims are left alone. */
export function syncOwners(set: StatefulSet, ordinal: number, pod: Pod, claimOf: ClaimOf): readonly Step[] {
  return present(set, ordinal, claimOf).flatMap((claim) => {
    const before = claim.metadata?.ownerReferences ?? [];
    const ours = before.filter((owner) => isOurs(set, pod, owner));
    const others = before.filter((owner) => !ours.includes(owner));
    if (others.some(({ controller }) => controller === true)) return conflicting(set, claim);
    const wanted = wantedOwners(set, ordinal, pod);
    if (ours.length === wanted.length && wanted.every(({ uid }) => ours.some((owner) => owner.uid === uid))) return [];
    return [update(PersistentVolumeClaim, { ...claim, metadata: { ...claim.metadata, ownerReferences: [...others, ...wanted] } })];
  });
}

function conflicting(set: StatefulSet, claim: PersistentVolumeClaim): readonly Step[] {
  const { whenDeleted = 'Retain', whenScaled = 'Retain' } = set.spec?.persistentVolumeClaimRetentionPolicy ?? {};
  if (whenDeleted === 'Retain' && whenScaled === 'Retain') return [];
  return [event(referenceTo(PersistentVolumeClaim, claim), 'Warning', 'ConflictingController', `skipping PersistentVolumeClaim ${claim.metadata?.name} as it has a conflicting controller`)];
}

/** With `whenScaled: Delete` a pod that is to go takes its claims along; with `whenDeleted: Delete` the set takes those of all others. */
function wantedOwners(set: StatefulSet, ordinal: number, pod: Pod | undefined): readonly OwnerReference[] {
  const { whenDeleted = 'Retain', whenScaled = 'Retain' } = set.spec?.persistentVolumeClaimRetentionPolicy ?? {};
  const condemned = !isWanted(set, ordinal);
  if (whenScaled === 'Delete' && condemned && pod !== undefined) return [ownerReference(pod, Pod)];
  if (whenDeleted === 'Delete') return [ownerReference(set, StatefulSet)];
  return [];
}

function isOurs(set: StatefulSet, pod: Pod, owner: OwnerReference): boolean {
  return owner.uid === set.metadata?.uid || owner.uid === pod.metadata?.uid || (owner.kind === 'StatefulSet' && owner.apiVersion.startsWith('apps/') && owner.name === set.metadata?.name);
}

function refersToPod(owner: OwnerReference, name: string): boolean {
  return owner.kind === 'Pod' && owner.apiVersion === 'v1' && owner.name === name;
}
