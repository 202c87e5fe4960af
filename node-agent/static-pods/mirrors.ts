import { Pod, type Node } from '../../machinery/kinds/core.ts';
import { isMirror, mirrorAnnotation } from '../../machinery/pod/static.ts';
import { isReason } from '../../machinery/status.ts';
import { messageOf } from '../../machinery/thrown.ts';
import { createBell } from '../../machinery/bell.ts';
import type { Clock } from '../../machinery/clock.ts';
import { backoffMs } from '../../client/backoff.ts';
import type { Client } from '../../client/client.ts';
import type { Informer } from '../../client/informer.ts';
import { keyOf } from '../../client/informer-store.ts';
import type { Log } from '../../client/log.ts';

/** A static pod that is here. */
export interface Shown {
  readonly pod: Pod;
  /** Its file is gone: its mirror stays as it is until it has ended. */
  readonly isEnding: boolean;
}

export type Step =
  | { readonly do: 'create'; readonly pod: Pod }
  | { readonly do: 'delete'; readonly mirror: Pod };

/**
 * What the API lacks of the static pods that are here, and what it shows that isn't so: one that somebody deletes is taken away at
 * once and made anew, as is one of an older manifest. Pure. Source: "Create static Pods"; the kubelet's doings, as observed.
 */
export function plan(pods: readonly Shown[], mirrors: readonly Pod[], node: Node | undefined): readonly Step[] {
  const shown = new Map(pods.map((each) => [keyOf(each.pod), each]));
  const present = new Set(mirrors.map(keyOf));
  const steps: Step[] = mirrors.filter((mirror) => {
    const own = shown.get(keyOf(mirror));
    return own === undefined || (!own.isEnding && !isMirrorOf(mirror, own.pod, node));
  }).map((mirror) => ({ do: 'delete', mirror }));
  // A mirror belongs to its Node, and goes with it: without one it would be gone at once.
  if (node === undefined || node.metadata?.deletionTimestamp !== undefined) return steps;
  const missing = pods.filter(({ pod, isEnding }) => !isEnding && !present.has(keyOf(pod)));
  return [...steps, ...missing.map(({ pod }): Step => ({ do: 'create', pod: mirrorOf(pod, node) }))];
}

function isMirrorOf({ metadata }: Pod, pod: Pod, node: Node | undefined): boolean {
  const isOwned = node === undefined || metadata?.ownerReferences?.some(({ uid }) => uid === node.metadata?.uid) === true;
  return isOwned && metadata?.deletionTimestamp === undefined && metadata?.annotations?.[mirrorAnnotation] === pod.metadata?.uid;
}

export function mirrorOf({ metadata, spec }: Pod, node: Node): Pod {
  const { name = '', namespace = '', labels, annotations, uid = '' } = metadata ?? {};
  const owner = { apiVersion: 'v1', kind: 'Node', name: node.metadata?.name ?? '', uid: node.metadata?.uid ?? '', controller: true };
  return {
    metadata: { name, namespace, ...(labels === undefined ? {} : { labels }), annotations: { ...annotations, [mirrorAnnotation]: uid }, ownerReferences: [owner] },
    ...(spec === undefined ? {} : { spec }),
  };
}

export interface MirrorKeeper {
  /** Static pods have come or gone. */
  changed(): void;
  run(signal: AbortSignal): Promise<void>;
}

export interface MirrorOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly log: Log;
  readonly nodeName: string;
  readonly nodes: Informer<Node>;
  /** Those bound to this node. */
  readonly pods: Informer<Pod>;
  /** Undefined until all manifests have been read once. */
  readonly shown: () => readonly Shown[] | undefined;
  /** Is told by which object a static pod's status is shown; undefined: by none. */
  readonly shows: (uid: string, mirror: Pod | undefined) => void;
}

const deadlineMs = 15_000;
const caughtUpMs = 5000;
const firstRetryMs = 1000;
const longestRetryMs = 60_000;

interface Failure {
  readonly message: string;
  readonly times: number;
  readonly retryAt: number;
}

/** Keeps the API's picture of the static pods; what it does never touches the pods themselves. */
export function createMirrorKeeper(options: MirrorOptions): MirrorKeeper {
  const { clock, log, nodeName, nodes, pods, shown } = options;
  const failures = new Map<string, Failure>();
  const bell = createBell();

  async function attempt(step: Step, signal: AbortSignal): Promise<void> {
    const object = objectOf(step);
    const key = keyOf(object);
    try {
      await carryOut(options, step, AbortSignal.any([signal, AbortSignal.timeout(deadlineMs)]));
      failures.delete(key);
    } catch (error) {
      if (signal.aborted) return;
      const before = failures.get(key);
      const [message, times] = [messageOf(error), before?.times ?? 0];
      if (before?.message !== message) log.warn({ err: error, namespace: object.metadata?.namespace, name: object.metadata?.name }, `the mirror of a static pod was not ${step.do}d: it is tried again`);
      failures.set(key, { message, times: times + 1, retryAt: clock.now() + backoffMs(times, firstRetryMs, longestRetryMs) });
    }
  }

  /** The time of the next attempt, when there is one. */
  async function keep(signal: AbortSignal): Promise<number | undefined> {
    const here = shown();
    if (here === undefined) return undefined;
    const mirrors = pods.list().filter(isMirror);
    const node = nodes.get(nodeName);
    for (const { pod } of here) options.shows(pod.metadata?.uid ?? '', mirrors.find((mirror) => keyOf(mirror) === keyOf(pod) && isMirrorOf(mirror, pod, undefined)));
    const steps = plan(here, mirrors, node);
    const keys = new Set(steps.map((step) => keyOf(objectOf(step))));
    for (const key of failures.keys()) if (!keys.has(key)) failures.delete(key);
    for (const step of steps) {
      const retryAt = failures.get(keyOf(objectOf(step)))?.retryAt ?? 0;
      if (retryAt <= clock.now() && !signal.aborted) await attempt(step, signal);
    }
    return failures.size === 0 ? undefined : Math.min(...[...failures.values()].map(({ retryAt }) => retryAt));
  }

  return {
    changed: bell.ring,
    async run(signal) {
      const stops = [
        pods.onChange((before, after) => { if ([before, after].some((pod) => pod !== undefined && isMirror(pod))) bell.ring(); }),
        nodes.onChange((before, after) => { if ((after ?? before)?.metadata?.name === nodeName && before?.metadata?.uid !== after?.metadata?.uid) bell.ring(); }),
      ];
      try {
        await Promise.all([pods.waitForSync(signal), nodes.waitForSync(signal)]);
        while (!signal.aborted) {
          const retryAt = await keep(signal);
          const cancel = retryAt === undefined ? undefined : clock.setTimer(retryAt - clock.now(), bell.ring);
          await bell.wait(signal);
          cancel?.();
        }
      } catch (error) {
        if (!signal.aborted) throw error;
      } finally {
        for (const stop of stops) stop();
      }
    },
  };
}

function objectOf(step: Step): Pod {
  return step.do === 'create' ? step.pod : step.mirror;
}

async function carryOut({ client, pods }: MirrorOptions, step: Step, signal: AbortSignal): Promise<void> {
  if (step.do === 'create') {
    const { namespace = '', name } = step.pod.metadata ?? {};
    const { metadata } = await client.create(Pod, step.pod, { signal }).catch((error: unknown) => {
      // Whose it is, the cache says when it has caught up.
      if (isReason(error, 'AlreadyExists')) throw new Error(`the API has another pod ${namespace}/${name}`, { cause: error });
      throw error;
    });
    // Nothing is planned on a cache that doesn't have it yet.
    await pods.waitForRevision(metadata?.resourceVersion ?? '0', AbortSignal.any([signal, AbortSignal.timeout(caughtUpMs)])).catch(() => undefined);
    return;
  }
  const { namespace = '', name = '', uid } = step.mirror.metadata ?? {};
  try {
    await client.delete(Pod, { namespace, name }, { gracePeriodSeconds: 0, ...(uid === undefined ? {} : { preconditions: { uid } }), signal });
  } catch (error) {
    if (!isReason(error, 'NotFound', 'Conflict')) throw error;
  }
}
