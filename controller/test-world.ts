import { timestamp } from '../machinery/conditions.ts';
import { ControllerRevision } from '../machinery/kinds/apps.ts';
import { Pod } from '../machinery/kinds/core.ts';
import type { KubernetesObject } from '../machinery/kinds/kind.ts';
import type { Step } from './steps.ts';

/** A set with its pods and revisions in memory, for tests that carry out what plans ask for and play the nodes' agents. */
export interface World<S extends KubernetesObject & { readonly status?: unknown }> {
  set: S;
  readonly pods: Map<string, Pod>;
  readonly revisions: Map<string, ControllerRevision>;
  /** Carries the steps out, as the API would. */
  apply(steps: readonly Step[]): void;
  /** A pod runs and is ready, or isn't. */
  report(name: string, phase: 'Running' | 'Failed', ready: boolean): void;
  /** Somebody deletes a pod; it goes when `leave` is called. */
  remove(name: string): void;
  leave(name: string): void;
}

export function createWorld<S extends KubernetesObject & { readonly status?: unknown }>(set: S, now: number): World<S> {
  let made = 0;
  const world: World<S> = {
    set, pods: new Map(), revisions: new Map(),
    apply(steps) {
      for (const step of steps) applyStep(step);
    },
    report(name, phase, ready) {
      const pod = world.pods.get(name);
      if (pod === undefined || pod.status?.phase === 'Failed') return;
      const conditions = [{ type: 'Ready', status: ready ? 'True' : 'False', lastTransitionTime: timestamp(now) }];
      world.pods.set(name, { ...pod, status: { phase, conditions } });
    },
    remove(name) {
      const pod = world.pods.get(name);
      if (pod !== undefined) world.pods.set(name, { ...pod, metadata: { ...pod.metadata, deletionTimestamp: timestamp(now) } });
    },
    leave(name) {
      if (world.pods.get(name)?.metadata?.deletionTimestamp !== undefined) world.pods.delete(name);
    },
  };
  function applyStep(step: Step): void {
    switch (step.type) {
      case 'slowStart': case 'together': case 'sequence': return world.apply(step.steps);
      case 'create': case 'update': return put(step.kind.kind, step.object);
      case 'delete': return step.kind.kind === Pod.kind ? world.remove(step.at.name) : void world.revisions.delete(step.at.name);
      case 'status': {
        world.set = { ...world.set, status: step.status };
        return;
      }
      default:
    }
  }
  function put(kind: string, object: KubernetesObject): void {
    made += 1;
    const name = object.metadata?.name ?? `${object.metadata?.generateName ?? ''}${made}`;
    const stored = { ...object, metadata: { uid: `uid-${made}`, creationTimestamp: timestamp(now + made * 1000), ...object.metadata, name } };
    if (kind === ControllerRevision.kind) world.revisions.set(name, stored as ControllerRevision);
    else if (world.pods.has(name)) throw new Error(`there is a pod ${name} already`);
    else world.pods.set(name, { ...(stored as Pod), status: { phase: 'Pending' } });
  }
  return world;
}
