import type { Client } from '../../client/client.ts';
import type { Log } from '../../client/log.ts';
import { systemClock } from '../../machinery/clock.ts';
import { createAgent } from '../../node-agent/agent.ts';
import { openRuntime } from '../../node-agent/runtime/native-runtime.ts';
import type { PodReader } from '../../node-agent/static-pods/source.ts';
import { isPortFree } from '../host.ts';
import { runComponents, type Components } from './components.ts';
import type { NodeSettings } from './node-settings.ts';

export interface NodeOptions {
  readonly dataDir: string;
  readonly instance: string;
  readonly nodeName: string;
  /** By which the API server and other nodes reach this one. */
  readonly address: string;
  /** The streaming server's port; absent: 10250, or any free one when that is taken. */
  readonly port?: number;
  readonly client: Client;
  /** Serves streams, and is shown the API server's certificate. */
  readonly tls: { readonly certPem: string; readonly keyPem: string; readonly caPem: string };
  /** Addresses of all pods; an agent of a remote server leaves it to the default. */
  readonly clusterCidr?: string;
  readonly settings: NodeSettings;
  readonly version: string;
  readonly log: Log;
}

const kubeletPort = 10250;

/** The API server's own reading and judging, loaded with the first manifest: one file is the same pod wherever it goes. */
const podReader: PodReader = {
  decode: async (bytes, warn) => (await import('../../api/resources/core/pod/manifest.ts')).decodePod(bytes, warn),
  complete: async (pod) => (await import('../../api/resources/core/pod/manifest.ts')).completePod(pod),
};

export interface RunningNode extends Components {
  /** Resolves when the agent has taken over what runs here and listens: before, the API knows only what an earlier one said. */
  readonly listening: Promise<void>;
}

/** Runs this machine's agent until stopped; its pods go on running afterwards. */
export async function startNode(options: NodeOptions): Promise<RunningNode> {
  const { dataDir, instance, log, port = (await isPortFree('0.0.0.0', kubeletPort)) ? kubeletPort : 0 } = options;
  const { podManifestPath: directory, ...settings } = options.settings;
  const agent = createAgent({
    ...options, ...settings, ...(directory === undefined ? {} : { podManifests: { directory, reader: podReader } }), port, clock: systemClock,
    runtime: (events) => openRuntime({ dataDir, instance, events, log, assignsCpus: settings.cpus.policy === 'static', reserved: settings.reserved, swaps: settings.swapBehavior === 'LimitedSwap', handlers: settings.runtimeHandlers }),
  });
  const components = runComponents(log, { agent });
  // Its failure is told by `failed`, in the user's words.
  return { ...components, listening: agent.listening.then(() => undefined, () => components.failed) };
}
