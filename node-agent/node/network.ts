import { Node } from '../../machinery/kinds/core.ts';
import type { Informer } from '../../client/informer.ts';
import type { Log } from '../../client/log.ts';
import { abortable } from '../../machinery/abortable.ts';
import { createBell } from '../../machinery/bell.ts';
import { pause, type Clock } from '../../machinery/clock.ts';
import type { PodNetwork, Runtime } from '../runtime/runtime.ts';
import type { LastNetwork } from './last-network.ts';
import { podNetwork } from './routes.ts';

/** Keeps the machine's pod network as the nodes' objects say. */
export interface NetworkKeeper {
  readonly configured: () => boolean;
  /** Resolves when pods can have addresses. */
  ready(signal: AbortSignal): Promise<void>;
  run(signal: AbortSignal): Promise<void>;
}

export interface NetworkKeeperOptions {
  readonly runtime: Pick<Runtime, 'configureNetwork'>;
  readonly nodes: Informer<Node>;
  readonly nodeName: string;
  readonly clusterCidr: string | undefined;
  /** What holds until the API answers. */
  readonly last: LastNetwork;
  readonly clock: Clock;
  readonly log: Log;
  readonly changed: () => void;
}

const retryMs = 2000;

export function createNetworkKeeper(options: NetworkKeeperOptions): NetworkKeeper {
  const { runtime, nodes, nodeName, clusterCidr, last, clock, log } = options;
  const first = Promise.withResolvers<void>();
  let configured: string | undefined;
  const bell = createBell();

  async function apply(network: PodNetwork, signal: AbortSignal): Promise<void> {
    try {
      await runtime.configureNetwork(network);
      configured = JSON.stringify(network);
      await last.write(network).catch((error: unknown) => log.warn({ err: error }, 'the pod network was not written down: an agent that starts without the API has none'));
      log.info({ node: nodeName, podCidr: network.podCidr, routes: network.routes.length }, 'the pod network is set up');
      first.resolve();
      options.changed();
    } catch (error) {
      log.error({ err: error, node: nodeName, podCidr: network.podCidr }, 'the pod network was not set up: it is tried again');
      await pause(clock, retryMs, signal).catch(() => undefined);
    }
  }

  return {
    configured: () => configured !== undefined,
    async ready(signal) {
      if (configured !== undefined) return;
      await abortable(first.promise, signal);
    },
    async run(signal) {
      const unsubscribe = nodes.onChange(bell.ring);
      const before = await last.read().catch((error: unknown) => {
        log.warn({ err: error }, 'the last pod network was not read: pods wait for the API');
        return undefined;
      });
      while (!signal.aborted) {
        const wanted = podNetwork(nodes.list(), nodeName, clusterCidr) ?? (configured === undefined ? before : undefined);
        if (wanted !== undefined && JSON.stringify(wanted) !== configured) await apply(wanted, signal);
        else await bell.wait(signal);
      }
      unsubscribe();
    },
  };
}
