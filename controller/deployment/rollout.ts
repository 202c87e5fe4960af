import { Deployment, ReplicaSet } from '../../machinery/kinds/apps.ts';
import { referenceTo } from '../../client/events.ts';
import { event, update, type Step } from '../steps.ts';
import { desiredReplicas, fenceposts } from './fenceposts.ts';
import { sameTemplate } from './same-template.ts';

/** A Deployment's ReplicaSets, sorted into the one of its present template and those of earlier ones. */
export interface Rollout {
  readonly deployment: Deployment;
  /** The set of the present template, once it exists. */
  readonly current: ReplicaSet | undefined;
  /** Oldest first. */
  readonly old: readonly ReplicaSet[];
  readonly all: readonly ReplicaSet[];
}

export const desiredAnnotation = 'deployment.kubernetes.io/desired-replicas';
export const maxAnnotation = 'deployment.kubernetes.io/max-replicas';

export function arrange(deployment: Deployment, sets: readonly ReplicaSet[]): Rollout {
  const sorted = sets.toSorted(byCreation);
  const current = sorted.find((set) => sameTemplate(set.spec?.template, deployment.spec?.template));
  return { deployment, current, old: sorted.filter((set) => set !== current), all: sorted };
}

function byCreation(a: ReplicaSet, b: ReplicaSet): number {
  return (a.metadata?.creationTimestamp ?? '').localeCompare(b.metadata?.creationTimestamp ?? '') || (a.metadata?.name ?? '').localeCompare(b.metadata?.name ?? '');
}

/** What a set is asked for. */
export function sizeOf(set: ReplicaSet | undefined): number {
  return set === undefined ? 0 : set.spec?.replicas ?? 1;
}

export function totalSize(sets: readonly ReplicaSet[]): number {
  return sets.reduce((sum, set) => sum + sizeOf(set), 0);
}

export function totalOf(sets: readonly ReplicaSet[], field: 'replicas' | 'readyReplicas' | 'availableReplicas' | 'terminatingReplicas'): number {
  return sets.reduce((sum, set) => sum + (set.status?.[field] ?? 0), 0);
}

export function isInUse(set: ReplicaSet): boolean {
  return sizeOf(set) > 0;
}

/** The annotations by which a set remembers for what size of the Deployment it was scaled. */
export function sizeAnnotations(deployment: Deployment): Readonly<Record<string, string>> {
  const replicas = desiredReplicas(deployment);
  return { [desiredAnnotation]: String(replicas), [maxAnnotation]: String(replicas + fenceposts(deployment).maxSurge) };
}

/** The step that gives a set its new size, if it isn't what it should be. */
export function scaleTo(deployment: Deployment, set: ReplicaSet, size: number): readonly Step[] {
  const was = sizeOf(set);
  const wanted = sizeAnnotations(deployment);
  const noted = Object.entries(wanted).every(([name, value]) => set.metadata?.annotations?.[name] === value);
  if (was === size && noted) return [];
  const direction = size > was ? 'up' : 'down';
  const told = event(referenceTo(Deployment, deployment), 'Normal', 'ScalingReplicaSet', `Scaled ${direction} replica set ${set.metadata?.name} from ${was} to ${size}`);
  const object: ReplicaSet = {
    ...set, metadata: { ...set.metadata, annotations: { ...set.metadata?.annotations, ...wanted } }, ...(set.spec === undefined ? {} : { spec: { ...set.spec, replicas: size } }),
  };
  return [update(ReplicaSet, object, was === size ? {} : { done: () => told })];
}
