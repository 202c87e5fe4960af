import { createBell } from '../../machinery/bell.ts';
import { pause, type Clock } from '../../machinery/clock.ts';
import type { Pod } from '../../machinery/kinds/core.ts';
import type { Log } from '../../client/log.ts';
import { assign, owned, sharedCpus, type Assignment, type Processors } from './assign.ts';
import { formatCpus } from './cpu-set.ts';
import { readTopology } from './topology.ts';

export interface CpuSettings {
  /** `static`: containers that are entitled to it have processors of their own. */
  readonly policy: 'none' | 'static';
  /** For the system, and for who shares. */
  readonly reserved: ReadonlySet<number>;
}

/** Hands out processors: the kubelet's CPU manager with its static policy. Who has which is written down with each pod. */
export interface CpuManager {
  /** What containers of a new pod get of their own, or why it isn't let in. */
  assign(pod: Pod): ReturnType<typeof assign>;
  /** What a container that is about to start runs on. `own`: what it has to itself; it starts there once nobody else runs there. */
  cpusFor(own: string | undefined): Promise<string>;
  /** Pods have come, gone or begun something: who shares is soon where nobody has processors to himself. */
  changed(): void;
  /** Ends with the signal. */
  run(signal: AbortSignal): Promise<void>;
}

export interface CpuManagerOptions {
  readonly processors: Processors;
  /** Of the pods that are here. */
  readonly assignments: () => readonly Assignment[];
  /** Has every running container without processors of its own run on these; rejects when one can't be told. */
  readonly confine: (cpus: string) => Promise<void>;
  readonly clock: Clock;
  readonly log: Log;
}

const retryMs = 10_000;
const patienceMs = 5000;

export function createCpuManager({ processors, assignments, confine, clock, log }: CpuManagerOptions): CpuManager {
  const bell = createBell();
  const shared = (): string => sharedCpus(processors, assignments());
  const confineAll = (): Promise<void> => confine(shared());
  return {
    assign: (pod) => assign(pod, processors, assignments()),
    async cpusFor(own) {
      if (own === undefined) return shared();
      // One supervisor that does not answer holds up nobody's start for ever.
      const patience = new AbortController();
      const confined = confineAll().catch((error: unknown) => log.error({ err: error, cpus: own }, 'processors that a container is to have to itself were not cleared of others: it is tried again'));
      await Promise.race([confined, pause(clock, patienceMs, patience.signal).catch(() => undefined)]);
      patience.abort();
      bell.ring();
      return own;
    },
    changed: bell.ring,
    async run(signal) {
      while (!signal.aborted) {
        await bell.wait(signal);
        if (signal.aborted) return;
        try {
          await confineAll();
        } catch (error) {
          log.error({ err: error }, 'containers that share processors were not told which: it is tried again');
          await pause(clock, retryMs, signal).catch(() => undefined);
          bell.ring();
        }
      }
    },
  };
}

/** What the settings make of this machine; undefined: nobody asks for it. Rejects when it doesn't have the processors that are reserved. */
export async function readProcessors({ policy, reserved }: CpuSettings): Promise<Processors | undefined> {
  if (policy === 'none' && reserved.size === 0) return undefined;
  const topology = await readTopology();
  const missing = reserved.difference(new Set(topology.map(({ id }) => id)));
  if (missing.size > 0) throw new Error(`--reserved-cpus names processors that this machine does not have, or keeps from Coracle: ${formatCpus(missing)} (it has ${formatCpus(topology.map(({ id }) => id))})`);
  return { topology, reserved };
}

/**
 * Why pods that an earlier agent started can't be taken over with these settings; undefined: they can. As with a kubelet, the policy
 * stays as it is while there are pods: what shares processors and what has some to itself was settled when they were started. Pure.
 */
export function takeOverRefusal(policy: CpuSettings['policy'], processors: Processors | undefined, running: readonly { readonly cpus?: Assignment }[]): string | undefined {
  const remedy = "drain the node and end its pods first ('coracle down' keeps the cluster's state), or go back to the options that they were started with";
  const other = policy === 'static' ? 'none' : 'static';
  if (running.some(({ cpus }) => (cpus === undefined) !== (policy === 'none'))) return `pods run here that were started with --cpu-manager-policy ${other}: ${remedy}`;
  if (processors === undefined) return undefined;
  const usable = new Set(processors.topology.map(({ id }) => id)).difference(processors.reserved);
  const lost = owned(running.map(({ cpus = {} }) => cpus)).difference(usable);
  return lost.size === 0 ? undefined : `pods run here that have processors ${formatCpus(lost)} to themselves, which are reserved or not there: ${remedy}`;
}
