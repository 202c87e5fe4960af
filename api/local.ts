import type { ApiRequest, Transport, WatchEvent } from '../client/transport.ts';
import { apiVersionOf, type KubernetesObject } from '../machinery/kinds/kind.ts';
import { failure } from '../machinery/status.ts';
import type { ExtensionRequests } from './aggregation/extension-requests.ts';
import type { Dispatch } from './dispatch.ts';
import { failureOf } from './http/failure-status.ts';
import { nameInSelector } from './http/request-info.ts';
import type { Body, Call, ListResult, RequestInfo, Result, User } from './request.ts';
import type { Resource } from './resources/define.ts';
import type { Change } from './store/cache.ts';

/**
 * The API for components inside the server's own process: the same authorization, admission and handlers, without sockets,
 * TLS and JSON text. Reads hand out the cache's own parsed objects; what is written is encoded before the call returns.
 */
export interface LocalOptions {
  readonly dispatch: Dispatch;
  readonly resourceAt: (group: string, version: string, plural: string) => Resource | undefined;
  /** What other servers serve. Absent: there are none. */
  readonly extensions?: ExtensionRequests;
  readonly user: User;
  /** Aborts when the server stops: watches end, and calls are refused. */
  readonly stopped: AbortSignal;
  readonly userAgent: string;
  /** Told of the warnings that a remote caller would get as headers. */
  readonly warn?: (text: string) => void;
  /** Names each call for the audit log. Absent: nobody records calls. */
  readonly auditId?: () => string;
  /** How long a call may take. */
  readonly deadlineMs: number;
}

export function localTransport(options: LocalOptions): Transport {
  return {
    async request(request) {
      try {
        const signal = callSignal(options, request);
        const asked = askedOf(options, request);
        const elsewhere = options.extensions?.send(request, asked, signal);
        return elsewhere === undefined ? objectOf(await options.dispatch.call(callOf(options, request, asked, signal))) : await elsewhere;
      } catch (error) {
        throw failureOf(error);
      }
    },
    watch: (request) => watchLocally(options, request),
  };
}

function callSignal({ stopped, deadlineMs }: LocalOptions, request: ApiRequest): AbortSignal {
  const deadline = AbortSignal.timeout(deadlineMs);
  return AbortSignal.any([stopped, deadline, ...(request.signal === undefined ? [] : [request.signal])]);
}

type Asked = Pick<Call, 'info' | 'user' | 'search' | 'origin'>;

function askedOf({ stopped, user, userAgent, auditId }: LocalOptions, request: ApiRequest): Asked {
  if (stopped.aborted) throw failure('ServiceUnavailable', 'the server is stopping');
  const info = infoOf(request);
  const search = new URLSearchParams(request.query).toString();
  if (auditId === undefined) return { info, user, search };
  return { info, user, search, origin: { auditId: auditId(), uri: search === '' ? info.path : `${info.path}?${search}`, addresses: [], userAgent, annotations: new Map<string, string>() } };
}

function callOf(options: LocalOptions, request: ApiRequest, asked: Asked, signal: AbortSignal): Call {
  const { group, version, resource: plural, query = {}, patchType } = request;
  const resource = options.resourceAt(group, version, plural);
  if (resource === undefined) throw failure('NotFound', 'the server could not find the requested resource');
  return {
    ...asked, resource, query, accept: { as: 'json' },
    ...(request.body === undefined ? {} : { body: bodyOf(request) }),
    ...(patchType === undefined ? {} : { patchType }),
    userAgent: options.userAgent, signal, warn: options.warn ?? (() => undefined),
  };
}

function infoOf({ verb, group, version, resource, namespace = '', name = '', subresource = '', query }: ApiRequest): RequestInfo {
  const base = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  const path = [base, ...(namespace === '' ? [] : ['namespaces', namespace]), resource, name, subresource].filter((part) => part !== '').join('/');
  // A namespace is in itself, for who may do what.
  const where = group === '' && resource === 'namespaces' ? name : namespace;
  const fieldSelector = query?.['fieldSelector'];
  return { path, isResource: true, verb, group, version, resource, subresource, namespace: where, name: name === '' ? nameInSelector(verb, query ?? {}) : name, ...(fieldSelector === undefined ? {} : { fieldSelector }) };
}

function bodyOf({ body, patchType }: ApiRequest): Body {
  // A patch is read again when somebody else wrote in between; the caller may have gone on with its object by then.
  return { content: { value: patchType === undefined ? body : structuredClone(body) }, mediaType: patchType ?? 'application/json' };
}

function objectOf(result: Result): KubernetesObject {
  switch (result.type) {
    case 'entry': return result.entry.object;
    case 'object': return result.object;
    case 'list': return listOf(result);
    case 'watch':
    case 'proxy':
    case 'agent': throw failure('BadRequest', 'this call is answered by a stream: it needs a connection of its own');
  }
}

function listOf({ resource, entries, revision, continue: next, remainingItemCount }: ListResult): KubernetesObject {
  const metadata = {
    resourceVersion: String(revision),
    ...(next === undefined ? {} : { continue: next }),
    ...(remainingItemCount === undefined ? {} : { remainingItemCount }),
  };
  const list = { kind: resource.listKind, apiVersion: apiVersionOf(resource), metadata, items: entries.map((entry) => entry.object) };
  return list satisfies KubernetesObject;
}

/** Changes that wait for a component that doesn't take them; beyond, its watch ends and it lists again. */
const maxWaiting = 100_000;

async function* watchLocally(options: LocalOptions, request: ApiRequest): AsyncGenerator<readonly WatchEvent[]> {
  const aborted = AbortSignal.any([options.stopped, ...(request.signal === undefined ? [] : [request.signal])]);
  if (aborted.aborted) return;
  const asked = { ...request, verb: 'watch' as const };
  const result = await unless(aborted, options.dispatch.call(callOf(options, asked, askedOf(options, asked), callSignal(options, asked))));
  if (result === undefined) return;
  if (result.type !== 'watch') throw failure('BadRequest', 'this resource can\'t be watched');
  const queue = waitingChanges();
  const flow = result.open(queue.sink);
  const stop = () => { queue.sink.end(undefined); };
  aborted.addEventListener('abort', stop, { once: true });
  try {
    for (;;) {
      const batch = await queue.next();
      if (batch === undefined || aborted.aborted) break;
      yield batch.map((change) => eventOf(result.resource, change));
    }
    if (queue.error !== undefined && !aborted.aborted) throw failureOf(queue.error);
  } finally {
    aborted.removeEventListener('abort', stop);
    flow.close();
  }
}

/** Undefined: `aborted` while it was asked for. */
async function unless<T>(aborted: AbortSignal, promise: Promise<T>): Promise<T | undefined> {
  try {
    const value = await promise;
    return aborted.aborted ? undefined : value;
  } catch (error) {
    if (aborted.aborted) return undefined;
    throw failureOf(error);
  }
}

/** What came and was not taken yet; `next` gives all of it, undefined at the end. */
function waitingChanges() {
  let waiting: Change[] = [];
  let ended = false;
  let wake: (() => void) | undefined;
  const queue = {
    error: undefined as Error | undefined,
    sink: {
      changes(batch: readonly Change[]) {
        if (ended) return;
        for (const change of batch) waiting.push(change);
        if (waiting.length > maxWaiting) queue.sink.end(failure('Expired', 'the watcher is too slow: list again'));
        wake?.();
      },
      end(error: Error | undefined) {
        if (ended) return;
        ended = true;
        queue.error = error;
        wake?.();
      },
      room: () => (waiting.length < maxWaiting / 10 ? undefined : new Promise<void>((resolve) => { setImmediate(resolve); })),
    },
    async next(): Promise<readonly Change[] | undefined> {
      if (waiting.length === 0 && !ended) await new Promise<void>((resolve) => { wake = resolve; });
      wake = undefined;
      if (waiting.length === 0) return undefined;
      const batch = waiting;
      waiting = [];
      return batch;
    },
  };
  return queue;
}

function eventOf(resource: Resource, change: Change): WatchEvent {
  if (change.type !== 'BOOKMARK') return { type: change.type, object: change.entry.object };
  const annotations = change.initialEventsEnd === true ? { annotations: { 'k8s.io/initial-events-end': 'true' } } : {};
  return { type: 'BOOKMARK', object: { kind: resource.kind, apiVersion: apiVersionOf(resource), metadata: { resourceVersion: String(change.revision), ...annotations } } };
}
