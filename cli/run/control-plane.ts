import { ensureServerToken, openPki, type Pki } from '../../api/access/pki.ts';
import { OtherClusterError, WrongTokenError } from '../../api/access/sealing.ts';
import type { User } from '../../api/request.ts';
import { createApiServer, type ApiServer } from '../../api/server.ts';
import { StoreEndedError } from '../../api/store/errors.ts';
import type { Store } from '../../api/store/store.ts';
import { UnreadableValueError } from '../../api/store/unreadable.ts';
import { createClient, type Client } from '../../client/client.ts';
import { createRecorder } from '../../client/events.ts';
import type { Log } from '../../client/log.ts';
import { createControllers } from '../../controller/all.ts';
import { architectureOf } from '../../machinery/architecture.ts';
import { systemClock, systemRandom } from '../../machinery/clock.ts';
import { createScheduler } from '../../scheduler/scheduler.ts';
import { CommandFailure } from '../failure.ts';
import { oidcOptions, openAudit, type AccessOptions, type Audit } from './access.ts';
import { runComponents, type Component, type Components } from './components.ts';
import { elected } from './elected.ts';
import { openStore, takeServerToken, type StoreOptions } from './store.ts';
import { systemCode } from '../../machinery/thrown.ts';

export interface ControlPlaneOptions {
  readonly dataDir: string;
  readonly store: StoreOptions;
  readonly access: AccessOptions;
  readonly address: string;
  readonly port: number;
  /** Further names and addresses for the server's certificate. */
  readonly names: readonly string[];
  /** An address of this machine by which pods reach the API. */
  readonly endpoint: string;
  /** How other machines reach the API. */
  readonly advertise?: string;
  readonly clusterCidr: string;
  readonly version: string;
  readonly log: Log;
}

export interface ControlPlane {
  readonly api: ApiServer;
  readonly pki: Pki;
  /** The API as a component of this process, under its own user. */
  clientFor(user: User): Client;
  /** Rejects when a component fails for good. */
  readonly failed: Promise<never>;
  /** Stops components, then the API, then the store, then the audit log. */
  stop(): Promise<void>;
}

/** Where pods get their addresses from unless told otherwise; `up` takes the next that is free on the machine. */
export const defaultClusterCidr = '10.42.0.0/16';

const scheduler: User = { name: 'system:kube-scheduler', groups: ['system:authenticated'] };
const controllerManager: User = { name: 'system:kube-controller-manager', groups: ['system:authenticated'] };

/** API server, scheduler and controllers over its store, in this process. Throws `CommandFailure` for what a user can mend. */
export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const { dataDir, log } = options;
  const ended = Promise.withResolvers<never>();
  ended.promise.catch(() => undefined);
  const started = new AsyncDisposableStack();
  try {
    const audit = await openAudit(options.access, dataDir, log);
    if (audit !== undefined) started.defer(() => audit.close());
    const store = started.adopt(await openStore(options.store, dataDir, log, ended.reject), (opened) => opened.close());
    await takeServerToken(options.store, dataDir);
    const pki = await openPki(store, { dataDir, token: await ensureServerToken(dataDir), now: systemClock.now });
    const api = started.adopt(await serve(options, store, pki, audit, ended.reject), (serving) => serving.close());
    const clientFor = (user: User): Client => createClient(api.localTransport(user));
    const components = started.adopt(startComponents(options, api, clientFor), (running) => running.stop());
    return { api, pki, clientFor, failed: Promise.race([components.failed, ended.promise]), stop: () => started.disposeAsync() };
  } catch (error) {
    await started.disposeAsync();
    if (error instanceof WrongTokenError || error instanceof OtherClusterError) throw new CommandFailure(`${error.message}${otherStore(options.store)}`, { cause: error });
    throw error;
  }
}

/** What a user of etcd can do about a cluster that is not theirs. */
function otherStore({ etcdEndpoints, etcdPrefix = '' }: StoreOptions): string {
  if (etcdEndpoints === undefined) return '';
  return ` (see --etcd-endpoints and --etcd-prefix; what is there is removed by etcdctl --endpoints ${etcdEndpoints.join(',')} del --prefix ${etcdPrefix === '' ? '/registry/ and /bootstrap/' : `${etcdPrefix}/`})`;
}

async function serve(
  { store: { etcdEndpoints }, endpoint, access, address, port, names, advertise, version, log }: ControlPlaneOptions, store: Store, pki: Pki, audit: Audit | undefined, ended: (error: Error) => void,
): Promise<ApiServer> {
  const oidc = await oidcOptions(access);
  try {
    return await createApiServer({
      store, pki, address, port, names, endpoint, isStoreShared: etcdEndpoints !== undefined, ...(advertise === undefined ? {} : { advertise }), ...(oidc === undefined ? {} : { oidc }), ...(audit === undefined ? {} : { audit }),
      build: { version, nodeVersion: process.versions.node, platform: `linux/${architectureOf(process.arch)}` },
      onError: (what, error) => log.error({ err: error }, what),
      onEnd(error) {
        log.error({ err: error }, 'the store can\'t be followed any more');
        // A store that ends by itself tells that itself.
        if (!(error instanceof StoreEndedError)) ended(new CommandFailure('the store can\'t be followed any more, and the server ends; start it again once the cause is mended', { cause: error }));
      },
    });
  } catch (error) {
    if (error instanceof UnreadableValueError) throw new CommandFailure(`${error.message}: give the --encryption-provider-config that it was sealed with`, { cause: error });
    if (systemCode(error) === 'EADDRINUSE') throw new CommandFailure(`port ${port} on ${address} is in use: choose another with --api-port, or stop what listens there (ss -ltnp 'sport = :${port}')`);
    if (systemCode(error) === 'EADDRNOTAVAIL') throw new CommandFailure(`this machine has no address ${address}: choose another with --api-address`);
    throw error;
  }
}

function startComponents({ clusterCidr, log, store }: ControlPlaneOptions, { kinds, extensionKinds, caPem: rootCaPem, signToken }: ApiServer, clientFor: (user: User) => Client): Components {
  const forScheduler = clientFor(scheduler);
  const forControllers = clientFor(controllerManager);
  // A store inside this process has one server.
  const led = (client: Client, name: string, component: Component) => (store.etcdEndpoints === undefined ? component : elected(client, name, log, component));
  return runComponents(log, {
    scheduler: led(forScheduler, 'kube-scheduler', createScheduler({
      client: forScheduler, recorder: createRecorder(forScheduler, { component: 'default-scheduler', clock: systemClock, log }), clock: systemClock, random: systemRandom, log,
    })),
    controllers: led(forControllers, 'kube-controller-manager', createControllers({ client: forControllers, clock: systemClock, random: systemRandom, log, kinds, extensionKinds, rootCaPem, signToken, clusterCidr })),
  });
}
