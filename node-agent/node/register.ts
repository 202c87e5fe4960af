import { pause, type Clock } from '../../machinery/clock.ts';
import { Node, type NodeCondition } from '../../machinery/kinds/core.ts';
import { isReason } from '../../machinery/status.ts';
import type { Client } from '../../client/client.ts';
import type { Recorder } from '../../client/events.ts';
import type { Log } from '../../client/log.ts';
import type { Pressure } from '../eviction/pressure.ts';
import { conditionEvents } from './condition-events.ts';
import { nodeReference } from './reference.ts';
import { newNode, nodeConditions, nodeStatus, type NodeFacts, type NodeHealth } from './registration.ts';
import { rfc3339 } from '../pod/status.ts';

export interface NodeReporter {
  /** Resolves when the API knows the node. */
  readonly registered: Promise<void>;
  /** Something about the node has changed: its status is written soon. */
  changed(): void;
  /** The node as the API has it now: what others have made of its conditions, because it was silent, is soon written again. */
  check(node: Node): void;
  run(signal: AbortSignal): Promise<void>;
}

export interface NodeReporterOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly log: Log;
  readonly recorder: Recorder;
  readonly facts: NodeFacts;
  /** Why pods can't run here, beside the network; undefined: nothing is known. */
  readonly notReady: () => string | undefined;
  /** What the node is short of. */
  readonly pressures: () => readonly Pressure[];
  readonly networkConfigured: () => boolean;
  readonly images: () => Promise<NonNullable<Node['status']>['images']>;
}

/** Unchanged, the status is written this often; the Lease says in between that the node lives. */
const statusEveryMs = 5 * 60_000;
const lookEveryMs = 10_000;
const longestWaitMs = 10_000;
const requestDeadlineMs = 10_000;

/** Registers the node, again if somebody deletes it, and keeps its status. */
export function createNodeReporter(options: NodeReporterOptions): NodeReporter {
  const { client, clock, log, recorder, facts } = options;
  const regarding = nodeReference(facts.name);
  let conditions: readonly NodeCondition[] = [];
  let wake = new AbortController();
  /** At the next look, no sooner: two who write over each other are not to do so without a pause. */
  let isDue = false;
  const registered = Promise.withResolvers<void>();

  async function report(signal: AbortSignal): Promise<void> {
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(requestDeadlineMs)]);
    const node = await register(client, facts, deadline);
    registered.resolve();
    isDue = false;
    const before = node.status?.conditions ?? [];
    conditions = nodeConditions(health(options), before, rfc3339(clock.now()));
    const status = nodeStatus(facts, conditions, await options.images());
    await client.patch(Node, { name: facts.name }, 'application/strategic-merge-patch+json', { status }, { subresource: 'status', signal: deadline });
    for (const reason of conditionEvents(before, conditions)) recorder.record(regarding, 'Normal', reason, `Node ${facts.name} status is now: ${reason}`);
  }

  /** Resolves when it is time to write the status again. */
  async function whenDue(signal: AbortSignal): Promise<void> {
    const until = clock.now() + statusEveryMs;
    while (!signal.aborted && clock.now() < until) {
      await pause(clock, lookEveryMs, AbortSignal.any([signal, wake.signal])).catch(() => undefined);
      if (wake.signal.aborted || isDue) return;
      const next = nodeConditions(health(options), conditions, rfc3339(clock.now()));
      if (next.some((each, position) => each.status !== conditions[position]?.status)) return;
    }
  }

  return {
    registered: registered.promise,
    changed: () => wake.abort(),
    check(node) {
      const isOverwritten = conditions.some(({ type, status }) => node.status?.conditions?.some((each) => each.type === type && each.status !== status) === true);
      if (isOverwritten) isDue = true;
    },
    async run(signal) {
      signal.addEventListener('abort', () => registered.resolve(), { once: true });
      recorder.record(regarding, 'Normal', 'Starting', 'Starting kubelet.');
      let waitMs = 200;
      while (!signal.aborted) {
        wake = new AbortController();
        try {
          await report(signal);
          waitMs = 200;
          await whenDue(signal);
        } catch (error) {
          if (signal.aborted) return;
          log.warn({ err: error, node: facts.name, waitMs }, 'the node status was not written: it is tried again');
          await pause(clock, waitMs, signal).catch(() => undefined);
          waitMs = Math.min(waitMs * 2, longestWaitMs);
        }
      }
    },
  };
}

async function register(client: Client, facts: NodeFacts, signal: AbortSignal): Promise<Node> {
  const present = await client.get(Node, { name: facts.name }, signal).catch((error: unknown) => {
    if (isReason(error, 'NotFound')) return undefined;
    throw error;
  });
  if (present === undefined) return await client.create(Node, newNode(facts), { signal });
  const labels = present.metadata?.labels ?? {};
  if (Object.entries(facts.labels).every(([key, value]) => labels[key] === value)) return present;
  return await client.patch(Node, { name: facts.name }, 'application/merge-patch+json', { metadata: { labels: facts.labels } }, { signal });
}

function health({ networkConfigured, pressures, notReady }: NodeReporterOptions): NodeHealth {
  const [configured, present] = [networkConfigured(), new Set(pressures())];
  const [reason, ...more] = [configured ? undefined : noNetwork, notReady()].filter((each) => each !== undefined);
  return {
    ...(reason === undefined ? {} : { notReady: more.length === 0 ? reason : `[${[reason, ...more].join(', ')}]` }),
    memoryPressure: present.has('MemoryPressure'), diskPressure: present.has('DiskPressure'), pidPressure: present.has('PIDPressure'), networkConfigured: configured,
  };
}

const noNetwork = 'container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:the node has no share of pod addresses yet';
