import { timestamp } from '../../machinery/conditions.ts';
import { FlowSchema, PriorityLevelConfiguration } from '../../machinery/kinds/flow-control.ts';
import type { Draft } from '../../machinery/kinds/wire.ts';
import { isReason } from '../../machinery/status.ts';
import { follow } from '../access/follow.ts';
import { trackUpdate, writeAs } from '../field-management/track.ts';
import { changeObject, type Outcome, type Writer } from '../handlers/writer.ts';
import { flowSchema } from '../resources/flowcontrol/flow-schema.ts';
import type { Caches } from '../store/cache.ts';

export interface DanglingOptions {
  readonly writer: Writer;
  /** What could not be done, and for which flow schema: the log's. */
  readonly report: (error: unknown, name: string) => void;
}

const manager = 'api-priority-and-fairness-config-consumer-v1';

/**
 * Says in the status of each flow schema whether its priority level is there: the condition `Dangling`. Starts; `close()` ends it
 * and resolves when the write at hand is done. Source: "API priority and fairness", FlowSchema.
 */
export function keepDangling({ writer, report }: DanglingOptions): { close(): Promise<void> } {
  let round: Promise<void> = Promise.resolve();
  let isDue = false;
  let isClosed = false;

  async function judgeAll(): Promise<void> {
    isDue = false;
    for (const { name, object } of writer.caches.of(FlowSchema).list()) {
      if (isClosed) return;
      if (judged(writer.caches, object, writer.now()) === undefined) continue;
      try {
        await changeObject(writer, flowSchema, '', name, false, ({ object: current }) => judgement(writer, current as FlowSchema));
      } catch (error) {
        if (!isReason(error, 'NotFound')) report(error, name);
      }
    }
  }

  /** What changes during a round makes one more. */
  function wake(): void {
    if (isDue || isClosed) return;
    isDue = true;
    round = round.then(judgeAll);
  }

  const following = [FlowSchema, PriorityLevelConfiguration].map((kind) => follow<FlowSchema | PriorityLevelConfiguration>(writer.caches, kind, { reset: wake, set: wake, remove: wake }));
  return {
    async close() {
      isClosed = true;
      for (const one of following) one.close();
      await round;
    },
  };
}

function judgement(writer: Writer, present: FlowSchema): Outcome {
  const conditions = judged(writer.caches, present, writer.now());
  if (conditions === undefined) return { type: 'keep' };
  const draft = structuredClone(present) as Draft<FlowSchema>;
  draft.status = { ...draft.status, conditions };
  trackUpdate(writeAs(manager, writer, flowSchema, 'status'), draft, present);
  return { type: 'put', object: draft };
}

type Conditions = Draft<NonNullable<NonNullable<FlowSchema['status']>['conditions']>>;

/** The conditions as they ought to be; undefined: they are so. */
function judged(caches: Caches, { spec, status }: FlowSchema, now: number): Conditions | undefined {
  const level = spec?.priorityLevelConfiguration.name ?? '';
  const isThere = caches.of(PriorityLevelConfiguration).get(undefined, level) !== undefined;
  const wanted = {
    type: 'Dangling', status: isThere ? 'False' : 'True', reason: isThere ? 'Found' : 'NotFound',
    message: `This FlowSchema references the PriorityLevelConfiguration object named ${JSON.stringify(level)} ${isThere ? 'and it exists' : 'but there is no such object'}`,
  };
  const present = status?.conditions ?? [];
  const known = present.find(({ type }) => type === wanted.type);
  if (known?.status === wanted.status && known.reason === wanted.reason && known.message === wanted.message) return undefined;
  const since = known?.status === wanted.status ? known.lastTransitionTime : undefined;
  return [...present.filter((one) => one !== known), { ...wanted, lastTransitionTime: since ?? timestamp(now) }];
}
