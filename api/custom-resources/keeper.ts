/**
 * Keeps what CustomResourceDefinitions define: their kinds are served as soon as their names are accepted, in the very turn in which
 * the watch tells of it, and no longer once they are deleted; their objects are deleted with them. It knows definitions and the
 * registry, not who asks for what is in it.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../../machinery/clock.ts';
import { findCondition } from '../../machinery/conditions.ts';
import { CustomResourceDefinition } from '../../machinery/kinds/apiextensions.ts';
import type { Draft } from '../../machinery/kinds/wire.ts';
import { isReason } from '../../machinery/status.ts';
import { follow } from '../access/follow.ts';
import { trackUpdate, writeAs } from '../field-management/track.ts';
import { changeObject, type Outcome, type Writer } from '../handlers/writer.ts';
import type { Registry } from '../registry.ts';
import { customResourceDefinition } from '../resources/apiextensions/custom-resource-definition.ts';
import type { Resource } from '../resources/define.ts';
import type { WebhookClient } from '../webhooks/client.ts';
import { createCleanup } from './cleanup.ts';
import { acceptNames } from './definition/accept.ts';
import { cleanupFinalizer } from './definition/lifecycle.ts';
import { resourcesOf } from './resources.ts';

export interface KeeperOptions {
  readonly webhooks: WebhookClient;
  readonly setTimer: Clock['setTimer'];
  readonly writer: Writer;
  readonly registry: Registry;
  /** What could not be done, and for which definition: the log's. */
  readonly report: (error: unknown, name: string) => void;
}

/** What failed is tried again after this, whether anything has changed or not. */
const retryMs = 1000;

/** Serves what is defined already and then follows. `close()` resolves when the write at hand is done. */
export function keepCustomResources({ writer, registry, webhooks, setTimer, report }: KeeperOptions): { close(): Promise<void> } {
  const definitions = new Map<string, CustomResourceDefinition>();
  const served = new Map<string, Served>();
  let cancelRetry: (() => void) | undefined;
  const duties = createDuties(async () => {
    for (const definition of definitions.values()) {
      await settle(definition).catch((error: unknown) => {
        if (isReason(error, 'NotFound')) return;
        report(error, nameOf(definition));
        cancelRetry?.();
        cancelRetry = setTimer(retryMs, duties.wake);
      });
    }
  });
  const cleanup = createCleanup({ writer, wake: duties.wake });
  let isStale = false;

  /** Brings the registry to what the definitions say. */
  function apply(): void {
    isStale = false;
    let isChanged = false;
    for (const name of served.keys()) if (!definitions.has(name)) isChanged = served.delete(name) || isChanged;
    for (const [name, definition] of definitions) {
      const face = faceOf(definition);
      if (face === undefined) isChanged = served.delete(name) || isChanged;
      else if (!isDeepStrictEqual(served.get(name)?.face, face)) {
        served.set(name, { face, resources: resourcesOf(definition, { webhooks, uuid: writer.uuid }) });
        isChanged = true;
      }
    }
    // Once for all: a cluster may start with a thousand definitions.
    if (isChanged) registry.put('customresourcedefinitions', [...served.values()].flatMap(({ resources }) => resources));
    duties.wake();
  }

  /** Once for all that one turn brings. */
  function changed(): void {
    if (isStale) return;
    isStale = true;
    queueMicrotask(apply);
  }

  /** What is to be written about a definition. */
  async function settle(definition: CustomResourceDefinition): Promise<void> {
    const name = nameOf(definition);
    if (definition.metadata?.deletionTimestamp !== undefined) {
      if ((definition.metadata.finalizers ?? []).includes(cleanupFinalizer)) await cleanup.proceed(definition, served.get(name)?.resources ?? []);
      return;
    }
    if (isSettled(definition) || isDeepStrictEqual(acceptNames(definition, definitions.values(), writer.now()), definition.status)) return;
    await changeObject(writer, customResourceDefinition, '', name, false, (current): Outcome => {
      const now = current.exact as CustomResourceDefinition;
      const draft = { ...structuredClone(now), status: acceptNames(now, definitions.values(), writer.now()) } as Draft<CustomResourceDefinition>;
      trackUpdate(writeAs('kube-apiserver', writer, customResourceDefinition, 'status'), draft, now);
      return { type: 'put', object: draft };
    });
  }

  const following = follow(writer.caches, CustomResourceDefinition, {
    reset() {
      definitions.clear();
      changed();
    },
    set({ name, object }) {
      definitions.set(name, object);
      changed();
    },
    remove({ name }) {
      definitions.delete(name);
      changed();
    },
  });
  // What was defined before this start is served from the first request on.
  apply();
  return {
    async close() {
      following.close();
      cancelRetry?.();
      cleanup.close();
      await duties.close();
    },
  };
}

interface Served {
  readonly face: object;
  readonly resources: readonly Resource[];
}

function nameOf({ metadata }: CustomResourceDefinition): string {
  return metadata?.name ?? '';
}

/** It has all the names that it asks for: nobody can take them away. */
function isSettled({ spec, status }: CustomResourceDefinition): boolean {
  const isTrue = (type: string): boolean => findCondition(status?.conditions, type)?.status === 'True';
  return isTrue('NamesAccepted') && isTrue('Established') && isDeepStrictEqual(spec.names, status?.acceptedNames);
}

/** All of a definition that its resources are made of; undefined: it is not served. */
function faceOf({ spec, status, metadata }: CustomResourceDefinition): object | undefined {
  if (findCondition(status?.conditions, 'Established')?.status !== 'True') return undefined;
  return { spec, names: status?.acceptedNames, isGoing: metadata?.deletionTimestamp !== undefined };
}

/** Runs `work` after each `wake`, one at a time; what wakes it meanwhile makes it run once more. */
function createDuties(work: () => Promise<void>): { wake(): void; close(): Promise<void> } {
  const closed = new AbortController();
  let isDue = false;
  let running: Promise<void> | undefined;
  const run = async (): Promise<void> => {
    while (isDue && !closed.signal.aborted) {
      isDue = false;
      await work();
    }
    running = undefined;
  };
  return {
    wake() {
      isDue = true;
      running ??= run();
    },
    async close() {
      closed.abort();
      await running;
    },
  };
}
