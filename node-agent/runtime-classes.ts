import type { Clock } from '../machinery/clock.ts';
import type { Pod } from '../machinery/kinds/core.ts';
import { RuntimeClass } from '../machinery/kinds/runtime-class.ts';
import { isReason } from '../machinery/status.ts';
import { messageOf } from '../machinery/thrown.ts';
import type { Client } from '../client/client.ts';
import { createInformer } from '../client/informer.ts';
import type { Log } from '../client/log.ts';

/** The cluster's RuntimeClasses, as this node knows them. */
export interface RuntimeClassSource {
  /** What a pod's class says that its containers are run by; '' without a class. Rejects, in the kubelet's words, for a class that isn't there. */
  handlerOf(pod: Pod): Promise<string>;
  run(signal: AbortSignal): Promise<void>;
}

const deadlineMs = 5000;

/** Follows the classes, so that a pod whose sandbox is lost has another while the API can't be reached; one that is new is asked for. */
export function createRuntimeClassSource(client: Client, clock: Clock, log: Log): RuntimeClassSource {
  const informer = createInformer(client, RuntimeClass, { clock, log });
  return {
    async handlerOf({ spec }) {
      const name = spec?.runtimeClassName ?? '';
      if (name === '') return '';
      try {
        const found = informer.get(name) ?? await client.get(RuntimeClass, { name }, AbortSignal.timeout(deadlineMs));
        return found.handler ?? '';
      } catch (error) {
        if (isReason(error, 'NotFound')) throw new Error(messageOf(error), { cause: error });
        throw new Error(`failed to lookup RuntimeClass ${name}: ${messageOf(error)}`, { cause: error });
      }
    },
    run: (signal) => informer.run(signal),
  };
}
