import { setTimeout as pass } from 'node:timers/promises';
import type { Client } from '../../client/client.ts';
import { Pod } from '../../machinery/kinds/core.ts';
import { isReason } from '../../machinery/status.ts';
import type { Kubectl } from '../e2e/kubectl.ts';
import { pod, script, type PodOptions } from '../e2e/manifests.ts';

/** Pods that come and go: what is made, what is done to it, and what must be true of it in the end. */
export interface Churn {
  readonly counts: Counts;
  /** Pods of which the API has said that they are there, and nobody that they are to go. */
  readonly wanted: ReadonlySet<string>;
  /** Goes on until `over`. */
  run(over: () => boolean): Promise<void>;
}

export interface Counts {
  created: number;
  deleted: number;
  executed: number;
}

export interface ChurnOptions {
  readonly client: Client;
  readonly kubectl: Kubectl;
  /** Numbers in [0, 1). */
  readonly random: () => number;
  /** So many are there at once. */
  readonly pods: number;
}

/** Requests under way at once. */
const lanes = 6;
const namespace = 'default';
/** A `sh` that ends when it is told to. */
const lasting = script("trap 'exit 0' TERM; while :; do sleep 1000 & wait $!; done");
const probe = { exec: { command: ['test', '-e', '/tmp/never'] }, periodSeconds: 1, failureThreshold: 1 };

/** Most do nothing but run; the others fail in their ways, and `steady` says which. */
const kinds: readonly { readonly weight: number; readonly prefix: string; readonly options: PodOptions }[] = [
  { weight: 6, prefix: 'steady', options: { container: lasting } },
  { weight: 1, prefix: 'crashing', options: { container: script('exit 1') } },
  { weight: 1, prefix: 'condemned', options: { container: { ...lasting, livenessProbe: probe } } },
  { weight: 1, prefix: 'unready', options: { container: { ...lasting, readinessProbe: probe } } },
  {
    weight: 1, prefix: 'steady-prepared',
    options: {
      spec: { volumes: [{ name: 'work', emptyDir: {} }, { name: 'told', downwardAPI: { items: [{ path: 'name', fieldRef: { fieldPath: 'metadata.name' } }] } }], initContainers: [{ name: 'first', image: 'coracle.example/web:1', ...script('cp /told/name /work/name'), volumeMounts: [{ name: 'work', mountPath: '/work' }, { name: 'told', mountPath: '/told' }] }] },
      container: { ...lasting, volumeMounts: [{ name: 'work', mountPath: '/work' }] },
    },
  },
];

/** Of a pod's name: does it run for ever, and is it Ready? */
export function isSteady(name: string): boolean {
  return name.startsWith('steady');
}

export function createChurn({ client, kubectl, random, pods }: ChurnOptions): Churn {
  const counts: Counts = { created: 0, deleted: 0, executed: 0 };
  const wanted = new Set<string>();
  let next = 0;

  const drawn = <T>(from: readonly T[]): T | undefined => from[Math.floor(random() * from.length)];

  async function create(): Promise<void> {
    const { prefix, options } = drawn(kinds.flatMap((kind) => Array.from({ length: kind.weight }, () => kind))) ?? kinds[0] ?? { prefix: '', options: {} };
    const name = `${prefix}-${next++}`;
    const object: unknown = { ...pod(name, options), metadata: { namespace, name } };
    await client.create(Pod, object as Pod);
    wanted.add(name);
    counts.created += 1;
  }

  async function remove(name: string): Promise<void> {
    wanted.delete(name);
    const gracePeriodSeconds = drawn([undefined, 0, 1]);
    try {
      await client.delete(Pod, { namespace, name }, gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds });
    } catch (error) {
      if (!isReason(error, 'NotFound')) throw error;
    }
    counts.deleted += 1;
  }

  /** It may not run yet, or no more: then kubectl says so. */
  async function execute(name: string): Promise<void> {
    const { code } = await kubectl.outcome`exec ${name} -- true`;
    if (code === 0) counts.executed += 1;
  }

  async function act(): Promise<void> {
    const draw = random();
    const name = drawn([...wanted]);
    if (name !== undefined && draw < 0.05) return execute(name);
    if (name !== undefined && wanted.size >= pods * (0.7 + 0.3 * random())) return remove(name);
    return create();
  }

  return {
    counts, wanted,
    async run(over) {
      await Promise.all(Array.from({ length: lanes }, async () => {
        while (!over()) {
          await act();
          await pass(random() * pauseMs);
        }
      }));
    },
  };
}

/** Between two acts of a lane, at most: two cores make and end some dozens of pods a second. */
const pauseMs = 200;
