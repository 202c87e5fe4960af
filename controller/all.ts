import { systemRandom, type Clock, type Random } from '../machinery/clock.ts';
import type { Client } from '../client/client.ts';
import { createRecorder, type Recorder } from '../client/events.ts';
import { silentLog, type Log } from '../client/log.ts';
import { accountTokenController, type SignToken } from './account-token.ts';
import { createInformers } from './caches.ts';
import type { Controller, ControllerMetrics, Shell } from './define.ts';
import { cronJobController } from './cron-job/cron-job.ts';
import { daemonSetController } from './daemon-set/daemon-set.ts';
import { deploymentController } from './deployment/deployment.ts';
import { disruptionController } from './disruption/disruption.ts';
import { endpointSliceController } from './endpoint-slice/endpoint-slice.ts';
import { endpointsController } from './endpoint-slice/endpoints.ts';
import { endpointSliceMirroringController } from './endpoint-slice/mirroring.ts';
import { garbageCollector } from './garbage-collector/garbage-collector.ts';
import { jobController } from './job/job.ts';
import { orphanedJobPodController } from './job/orphaned-pods.ts';
import { ttlAfterFinishedController } from './job/ttl-after-finished.ts';
import { forEachKind, type ExtensionKinds, type ServedKinds } from './kinds.ts';
import { namespaceController } from './namespace.ts';
import { nodeIpamController } from './node-ipam.ts';
import { nodeLifecycleController, type NodeLifecycleOptions } from './node-lifecycle/node-lifecycle.ts';
import { orphanedPodController } from './pod-garbage/orphaned.ts';
import { terminatedPodController } from './pod-garbage/terminated.ts';
import { pvProtectionController } from './pv-protection.ts';
import { pvcProtectionController } from './pvc-protection.ts';
import { replicaSetController, replicationController } from './replicaset/replicaset.ts';
import { resourceQuotaController } from './resource-quota.ts';
import { rootCaController } from './root-ca.ts';
import { serviceAccountController } from './service-account.ts';
import { statefulSetController } from './stateful-set/stateful-set.ts';
import { taintEvictionController } from './taint-eviction.ts';

/** Every controller by name, and what runs them over shared informers. */

export interface ControllersOptions {
  readonly client: Client;
  readonly clock: Clock;
  /** All stored kinds that can be listed, watched and deleted: what namespaces hold and what owners own. */
  readonly kinds: ServedKinds;
  readonly extensionKinds: ExtensionKinds;
  /** What pods trust the API server by. */
  readonly rootCaPem: string;
  /** Tokens that last as long as the Secret that holds them. */
  readonly signToken: SignToken;
  /** The range of pod addresses that nodes get theirs from: `10.244.0.0/16`. */
  readonly clusterCidr: string;
  readonly nodes?: NodeLifecycleOptions;
  /** Ended pods beyond this number are removed. */
  readonly terminatedPodThreshold?: number;
  /** Keys of one controller that are worked on at the same time; 5 by default. */
  readonly concurrency?: number;
  /** Default: a recorder per component over `client`. */
  readonly recorder?: (component: string) => Recorder;
  readonly log?: Log;
  readonly random?: Random;
  readonly metrics?: ControllerMetrics;
  /** Freeze what the caches hand out: for tests. */
  readonly freeze?: boolean;
}

export interface Controllers {
  /** Runs all until `signal` aborts and work under way has ended. */
  run(signal: AbortSignal): Promise<void>;
  /** Caches that are behind, each with why: for `/readyz`. Empty when all is well. */
  behind(): readonly string[];
}

function allControllers(options: ControllersOptions): readonly Controller[] {
  return [
    deploymentController,
    replicaSetController,
    replicationController,
    statefulSetController,
    daemonSetController(),
    jobController,
    orphanedJobPodController,
    ttlAfterFinishedController,
    cronJobController(),
    endpointSliceController,
    endpointsController,
    endpointSliceMirroringController,
    disruptionController,
    namespaceController(options.kinds, options.extensionKinds),
    garbageCollector(options.kinds, options.extensionKinds),
    nodeLifecycleController(options.nodes),
    nodeIpamController(options.clusterCidr),
    taintEvictionController(),
    serviceAccountController,
    accountTokenController(options.signToken, options.rootCaPem),
    rootCaController(options.rootCaPem),
    resourceQuotaController(options.kinds),
    pvcProtectionController(),
    pvProtectionController(),
    orphanedPodController(),
    terminatedPodController(options.terminatedPodThreshold === undefined ? {} : { threshold: options.terminatedPodThreshold }),
  ];
}

const noMetrics: ControllerMetrics = { reconciled: () => undefined };

export function createControllers(options: ControllersOptions): Controllers {
  const { client, clock, log = silentLog, random = systemRandom, concurrency = 5, metrics = noMetrics } = options;
  const informers = createInformers(client, { clock, log, random, ...(options.freeze === undefined ? {} : { freeze: options.freeze }) });
  const recorder = options.recorder ?? ((component: string) => createRecorder(client, { component, clock, log, random }));
  const shell: Shell = { client, informers, recorder, clock, random, log, concurrency, metrics };
  const controllers = allControllers(options);
  return {
    async run(signal) {
      const watching = informers.run(signal);
      // First to hear of a kind that goes: whoever asks for another version of it must not be given the informer of the old one.
      const forget = forEachKind(options.kinds, (kind) => () => { informers.forget(kind); });
      await Promise.all(controllers.map((controller) => controller.run(shell, signal)));
      forget();
      await watching;
    },
    behind: () => informers.all().flatMap(({ kind, behind }) => (behind === undefined ? [] : [`${kind.plural}: ${behind}`])),
  };
}
