import { randomUUID } from 'node:crypto';
import type { Transport } from '../client/transport.ts';
import { backgroundClock } from '../machinery/clock.ts';
import type { Secret, ServiceAccount } from '../machinery/kinds/core.ts';
import { NodeMetrics } from '../machinery/kinds/resource-metrics.ts';
import { runAggregation } from './access/aggregation.ts';
import { createAuthenticator } from './access/authentication.ts';
import { ensureJoinToken } from './access/join.ts';
import { createOidcAuthenticator, type OidcAuthenticator } from './access/oidc/authenticator.ts';
import type { OidcOptions } from './access/oidc/claims.ts';
import type { Pki } from './access/pki.ts';
import { createAuthorizer } from './access/rbac.ts';
import { runSigner } from './access/signer.ts';
import { createTokenUse } from './access/token-use.ts';
import { signSecretToken } from './access/tokens.ts';
import { createExtensionOpenApi } from './aggregation/extension-openapi.ts';
import { createExtensionRequests } from './aggregation/extension-requests.ts';
import { createExtensions } from './aggregation/extensions.ts';
import { keepLocalServices } from './aggregation/local-keeper.ts';
import { createConfiguredAdmission } from './admission/configured.ts';
import { createAdmissionMetrics } from './admission/metrics.ts';
import { keepPolicyStatus } from './admission/policy/status-keeper.ts';
import { createAuditor, type Auditor, type AuditorOptions } from './audit/auditor.ts';
import { auditedDispatch } from './audit/dispatch.ts';
import { bootstrap, keepKubernetesService } from './bootstrap.ts';
import { keepCustomResources } from './custom-resources/keeper.ts';
import type { Build } from './discovery/version.ts';
import { createDispatch, type Dispatch } from './dispatch.ts';
import { keepDangling } from './fairness/dangling.ts';
import { createFairness } from './fairness/fairness.ts';
import { registerFairness } from './fairness/metrics.ts';
import { handlerDependencies, random, versionsOf, type Ground } from './handler-dependencies.ts';
import { createHandlers } from './handlers/all.ts';
import { createConnections } from './http/connections.ts';
import type { Exchange } from './http/exchange.ts';
import { failureOf } from './http/failure-status.ts';
import { createInFlight } from './http/in-flight.ts';
import { listen, type Carrier } from './http/listener.ts';
import { createRequestMetrics } from './http/metrics.ts';
import { createProtobufDecoder } from './http/protobuf/decode.ts';
import { createProtobufEncoder } from './http/protobuf/encode.ts';
import { serve, serveUpgrade, type Edge } from './http/serve.ts';
import { isUpgrade } from './http/upgrades.ts';
import { createSharedFrames } from './http/shared-frames.ts';
import { createTableRenderer } from './http/table.ts';
import { createWatchQueues } from './http/watch-queues.ts';
import { extensionKinds, storedKinds, type ExtensionKinds, type StoredKinds } from './kinds.ts';
import { localTransport, type LocalOptions } from './local.ts';
import { createRegistry } from './registry.ts';
import type { User } from './request.ts';
import { createNodeUsages } from './resource-metrics/ask-nodes.ts';
import { resources } from './resources/all.ts';
import type { Resource } from './resources/define.ts';
import { nodeMetrics } from './resources/metrics/node-metrics.ts';
import { podMetrics } from './resources/metrics/pod-metrics.ts';
import { createCodec } from './schema/codec.ts';
import { createYamlReader } from './schema/yaml-reader.ts';
import { serverPages } from './server-pages.ts';
import { keepServers } from './servers.ts';
import type { Caches } from './store/cache.ts';
import type { Store } from './store/store.ts';
import { createCaches } from './store/watch-cache.ts';
import { createWebhookClient } from './webhooks/client.ts';
import { locateService } from './webhooks/service-address.ts';

export interface ApiServerOptions {
  /** The caller opened it and closes it, after the server. */
  readonly store: Store;
  readonly pki: Pki;
  /** What to listen on: `0.0.0.0`, `127.0.0.1`, `::`. */
  readonly address: string;
  /** 0: any free one. */
  readonly port: number;
  /** Further names and addresses for the server's certificate. */
  readonly names?: readonly string[];
  /** How callers reach it, when that isn't `address`. */
  readonly advertise?: string;
  /** An address of this machine by which pods reach the server. Absent: the Service `kubernetes` leads nowhere. */
  readonly endpoint?: string;
  /** Have other servers the same store? Default: no. */
  readonly isStoreShared?: boolean;
  /** Which requests are recorded, and where. Absent: none. */
  readonly audit?: Pick<AuditorOptions, 'policy' | 'sink'>;
  /** Whose tokens are let in besides the cluster's own. */
  readonly oidc?: OidcOptions;
  readonly build?: Build;
  /** Told of failures that nobody foresaw. */
  readonly onError?: (what: string, error: unknown) => void;
  /** Called once when the store can't be followed any more: from then on everything is refused, and the server is to be closed. */
  readonly onEnd?: (error: Error) => void;
  /** Freezes what reads hand out. For tests. */
  readonly freeze?: boolean;
}

export interface ApiServer {
  /** `https://127.0.0.1:6443`. */
  readonly url: string;
  readonly port: number;
  readonly caPem: string;
  readonly caches: Caches;
  /** What can be watched and deleted, as definitions come and go. */
  readonly kinds: StoredKinds;
  readonly extensionKinds: ExtensionKinds;
  /** The API as `user`, inside this process. */
  localTransport(user: User): Transport;
  /** The token of a ServiceAccount that is to be kept in a Secret, and is valid as long as it is there. */
  signToken(account: ServiceAccount, secret: Secret): Promise<string>;
  /** What a machine joins with; made at the first call. */
  joinToken(): Promise<string>;
  /** Takes no more requests, ends watches, lets requests finish until `signal` aborts (10 s without one), then breaks them off. */
  close(signal?: AbortSignal): Promise<void>;
}

const requestMs = 60_000;
/** What may wait for all watchers together. */
const maxQueuedBytes = 256 * 1024 * 1024;
const agentMs = 10_000;
const closeMs = 10_000;
const sweepMs = 1000;

/**
 * Starts an API server on `store`. Throws what `listen` throws (`code` is `EADDRINUSE`, `EACCES` or `EADDRNOTAVAIL`) and what
 * the store throws; everything that was started is then stopped.
 */
export async function createApiServer(options: ApiServerOptions): Promise<ApiServer> {
  const onError = options.onError ?? (() => undefined);
  const codec = createCodec();
  const protobuf = createProtobufEncoder();
  const registry = createRegistry(resources);
  registry.put(NodeMetrics.group, [nodeMetrics, podMetrics]);
  const caches = await createCaches(options.store, registry.resources, {
    encode: codec.encode, encodeProtobuf: protobuf.message, freeze: options.freeze ?? false, onEnd: (error) => { options.onEnd?.(error); },
    onUnreadable: (problem) => { onError('a stored value can\'t be read: its kind can\'t be listed and watched until it is gone or readable', problem); },
    onProblem: (error) => { onError('the store could not be read again, which is tried on', error); },
    onGap: (error) => { onError('the store forgot changes before this server saw them, and is read again', error); },
  });
  registry.onChange(() => { caches.serve(registry.resources); });
  const authorizer = createAuthorizer(caches);
  try {
    return await assemble(options, { codec, protobuf, registry, caches, authorizer }, onError);
  } catch (error) {
    authorizer.close();
    caches.close();
    throw error;
  }
}

async function assemble(options: ApiServerOptions, ground: Ground, onError: Edge['onError']): Promise<ApiServer> {
  const { pki } = options;
  const { registry, caches, authorizer, protobuf } = ground;
  const tokenUse = createTokenUse({ writer: () => deps, report: (error, name) => { onError(`noting the use of the token in ${name} failed`, error); } });
  const authenticator = createAuthenticator({ pki, caches, authorizer, now: Date.now, usedSecret: (secret) => { tokenUse.note(secret); }, ...oidcOf(options, onError) });
  const webhooks = createWebhookClient((service) => locateService(caches, random, service));
  const admissionMetrics = createAdmissionMetrics();
  const configured = createConfiguredAdmission({
    caches, authorizer, metrics: admissionMetrics, client: webhooks, uuid: randomUUID, versionsOf: (resource) => versionsOf(registry, resource), resources: () => registry.resources,
    check: (resource, value) => ground.codec.check(resource, value, { fieldValidation: 'Ignore', warn: () => undefined }),
  });
  const agentIdentity = { caPem: pki.caPem, ...(await pki.clientCertificate({ commonName: 'coracle-apiserver', organizations: ['system:masters'] })) };
  const usages = createNodeUsages({ caches, now: Date.now, tls: { ...agentIdentity, isVerified: true, isNameChecked: false } });
  const deps = handlerDependencies(options, ground, authenticator, configured, usages);
  const auditor = options.audit === undefined ? undefined : createAuditor({ ...options.audit, now: Date.now });
  const dispatch = recorded(createDispatch(authorizer, createHandlers(deps)), auditor);
  const customResources = keepCustomResources({ writer: deps, registry, webhooks, setTimer: deps.setTimer, report: (error, name) => { onError(`serving what ${name} defines failed`, error); } });
  const extensions = createExtensions({
    writer: deps, random, frontProxy: await pki.frontProxyCertificate(), setTimer: backgroundClock.setTimer, report: (error, name) => { onError(`asking who serves ${name} failed`, error); },
  });
  const extensionOpenApi = createExtensionOpenApi({ extensions, now: Date.now, report: (error, name) => { onError(`reading the OpenAPI of ${name} failed`, error); } });
  const extensionRequests = createExtensionRequests({ extensions, authorizer, auditor });
  const stopping = new AbortController();
  // Without the store's changes nothing may be decided: neither who may do what, nor what is there.
  const stopped = AbortSignal.any([stopping.signal, caches.ended]);
  const inFlight = createInFlight(Date.now, requestMs);
  const yaml = createYamlReader();
  const connections = createConnections();
  const fairness = createFairness(caches, backgroundClock, ({ group, version, resource }) => sizeOf(caches, registry.at(group, version, resource)));
  const metrics = createRequestMetrics({ inFlight: () => inFlight.count, revision: () => caches.revision }, (all) => {
    registerFairness(all, fairness);
    admissionMetrics.register(all);
  });
  const reach = options.advertise ?? (options.address === '0.0.0.0' || options.address === '::' ? '127.0.0.1' : options.address);
  let port = options.port;
  let isSeeded = false;
  const edge: Edge = {
    authenticator, authorizer, dispatch, resourceAt: registry.at, inFlight, metrics, fairness, onError, stopped, ended: caches.ended, uuid: randomUUID, ...(auditor === undefined ? {} : { audit: auditor }),
    extensions: { at: (path) => (extensionOpenApi.isMade(path) ? undefined : extensions.at(path)), target: extensions.target },
    page: serverPages({ pki, build: options.build, registry, caches, metrics, extensions, extensionOpenApi, serverAddress: () => `${reach}:${port}`, isSeeded: () => isSeeded }),
    agentLink: { ...agentIdentity, connectMs: agentMs, connections, stopped },
    protobuf: createProtobufDecoder(),
    yaml,
    encoder: protobuf,
    tables: createTableRenderer(Date.now),
    frames: createSharedFrames(setImmediate, protobuf),
    queues: createWatchQueues(maxQueuedBytes),
  };
  const listener = await listen({
    address: options.address, port, caPem: pki.caPem, frontProxyCaPem: pki.frontProxyCaPem, ...(await pki.serverCertificate([reach, ...(options.names ?? [])])),
  }, carrierOf(edge));
  ({ port } = listener);
  const sweep = setInterval(() => { inFlight.sweep(); }, sweepMs);
  sweep.unref();
  // What the API server itself keeps true of its objects: rules of aggregated roles, certificates of nodes.
  const keepers: { close(): Promise<void> }[] = [
    customResources,
    extensions,
    tokenUse,
    keepLocalServices({ writer: deps, registry, builtin: resources, report: (error) => { onError('keeping APIServices failed', error); } }),
    keepPolicyStatus({ writer: deps, resources: () => registry.resources, report: (error, name) => { onError(`checking the types of the policy ${name} failed`, error); } }),
    runAggregation({ writer: deps, report: (error, name) => { onError(`aggregating the role ${name} failed`, error); } }),
    runSigner({ writer: deps, pki, authorizer, report: (error, name) => { onError(`signing the certificate request ${name} failed`, error); } }),
  ];
  const url = `https://${reach.includes(':') ? `[${reach}]` : reach}:${port}`;
  const close = async (signal = AbortSignal.timeout(closeMs)) => {
    stopping.abort();
    const gone = listener.stop();
    await Promise.race([Promise.all([inFlight.idle(), gone]), aborted(signal)]);
    listener.destroy();
    await gone;
    clearInterval(sweep);
    await Promise.all(keepers.map((keeper) => keeper.close()));
    webhooks.close();
    connections.close();
    metrics.close();
    fairness.close();
    await yaml.close();
    configured.close();
    authorizer.close();
    caches.close();
  };
  try {
    await bootstrap({ writer: deps, pki, url, signal: AbortSignal.timeout(requestMs) });
    // The first components are let in by the roles that were just written.
    await authorizer.caughtUp();
    // Not before the levels that every cluster has are there.
    keepers.push(keepDangling({ writer: deps, report: (error, name) => { onError(`telling whether the flow schema ${name} has a priority level failed`, error); } }));
    keepers.push(keepKubernetesService({ writer: deps, url, report: (error) => { onError('making the Service kubernetes again failed', error); } }));
    if (options.endpoint !== undefined) {
      keepers.push(await keepServers({
        writer: deps, self: { address: options.endpoint, port }, isShared: options.isStoreShared ?? false, clock: backgroundClock,
        report: (error) => { onError('publishing the endpoints of the API servers failed', error); },
      }));
    }
  } catch (error) {
    await close();
    throw error;
  }
  isSeeded = true;
  return { url, port, caPem: pki.caPem, caches, kinds: storedKinds(registry), extensionKinds: extensionKinds({ versions: () => extensions.versions }), localTransport: (user) => localFor({ dispatch, extensions: extensionRequests, resourceAt: registry.at, stopped, ...(auditor === undefined ? {} : { auditId: randomUUID }) }, user), signToken: (account, secret) => signSecretToken(pki, account, secret), joinToken: () => ensureJoinToken(deps, pki), close };
}

/** How many objects of a kind there are; 0 for what isn't kept. */
function sizeOf(caches: Caches, resource: Resource | undefined): number {
  return resource?.stored === true ? caches.of(resource).size : 0;
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => { signal.addEventListener('abort', () => { resolve(); }, { once: true }); });
}

function recorded(dispatch: Dispatch, auditor: Auditor | undefined): Dispatch {
  return auditor === undefined ? dispatch : auditedDispatch(dispatch, auditor, failureOf);
}

function oidcOf({ oidc }: ApiServerOptions, onError: Edge['onError']): { oidc?: OidcAuthenticator } {
  if (oidc === undefined) return {};
  return { oidc: createOidcAuthenticator(oidc, { now: Date.now, report: (why) => { onError('a token was refused', new Error(why)); } }) };
}

function carrierOf(edge: Edge): Carrier {
  return {
    serve(exchange: Exchange, peer) {
      serve(edge, exchange, peer).catch((error: unknown) => { edge.onError('an answer could not be written', error); });
    },
    isUpgrade: (request) => isUpgrade(edge, request),
    upgrade(request, socket, head, peer) {
      serveUpgrade(edge, request, socket, head, peer).catch((error: unknown) => { edge.onError('an upgrade could not be refused', error); });
    },
  };
}

function localFor(around: Pick<LocalOptions, 'dispatch' | 'extensions' | 'resourceAt' | 'stopped' | 'auditId'>, user: User): Transport {
  return localTransport({ ...around, user, userAgent: user.name.split(':').at(-1) ?? user.name, deadlineMs: requestMs });
}
