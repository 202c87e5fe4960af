/**
 * The API, typed: each call names a kind's value and gets that kind's objects back. This room is what every component uses to
 * talk to the API: transports, informers, work queues, events, leader election. It must not know what any component does.
 */
import { apiVersionOf, type Kind, type KubernetesList, type KubernetesObject } from '../machinery/kinds/kind.ts';
import { failure } from '../machinery/status.ts';
import type { ApiRequest, PatchType, Transport, Verb, WatchEvent } from './transport.ts';

/** One object's address. `namespace` is left out for kinds of cluster scope. */
export interface ObjectAddress {
  readonly namespace?: string;
  readonly name: string;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
  /** `All`: the server checks everything and keeps nothing. */
  readonly dryRun?: 'All';
  readonly fieldManager?: string;
}

export interface ListOptions {
  /** Absent: all namespaces. */
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** Absent: the newest; `0`: what the server has at hand. */
  readonly resourceVersion?: string;
  readonly limit?: number;
  readonly continue?: string;
  readonly signal?: AbortSignal;
}

export interface WatchOptions {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** Events after this revision; absent: the present objects as ADDED, then what happens. */
  readonly resourceVersion?: string;
  readonly allowWatchBookmarks?: boolean;
  /** The server ends the watch after so many seconds. */
  readonly timeoutSeconds?: number;
  readonly signal?: AbortSignal;
}

export interface DeleteOptions {
  readonly gracePeriodSeconds?: number;
  readonly propagationPolicy?: 'Background' | 'Foreground' | 'Orphan';
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
  readonly signal?: AbortSignal;
}

export interface PatchOptions extends CallOptions {
  readonly subresource?: string;
  /** Apply only: take fields that others own. */
  readonly force?: boolean;
}

export interface ApplyOptions extends CallOptions {
  /** Who applies: what it applied before and leaves out now is removed. */
  readonly fieldManager: string;
  readonly subresource?: string;
  /** Takes fields that others own with other values; without it they are a 409 that names them. */
  readonly force?: boolean;
}

/** Every call throws `ApiError` (`code` 0: no answer came). What is handed out is shared: nobody may change it. */
export interface Client {
  get<T extends KubernetesObject>(kind: Kind<T>, at: ObjectAddress, signal?: AbortSignal): Promise<T>;
  list<T extends KubernetesObject>(kind: Kind<T>, options?: ListOptions): Promise<KubernetesList<T>>;
  create<T extends KubernetesObject>(kind: Kind<T>, object: T, options?: CallOptions): Promise<T>;
  /** Replaces the object; with a `resourceVersion` in its metadata, only if nobody wrote since. */
  update<T extends KubernetesObject>(kind: Kind<T>, object: T, options?: CallOptions): Promise<T>;
  updateStatus<T extends KubernetesObject>(kind: Kind<T>, object: T, options?: CallOptions): Promise<T>;
  patch<T extends KubernetesObject>(kind: Kind<T>, at: ObjectAddress, type: PatchType, body: unknown, options?: PatchOptions): Promise<T>;
  /** Makes or changes the object so that it has what `config` says; what it doesn't say is left to others. Source: "Server-Side Apply". */
  apply<T extends KubernetesObject>(kind: Kind<T>, config: T, options: ApplyOptions): Promise<T>;
  /** The object while it lingers, else a Status. */
  delete<T extends KubernetesObject>(kind: Kind<T>, at: ObjectAddress, options?: DeleteOptions): Promise<KubernetesObject>;
  deleteCollection<T extends KubernetesObject>(kind: Kind<T>, list: ListOptions, options?: DeleteOptions): Promise<KubernetesObject>;
  /** Events in batches of what arrived together; ends when the server ends it or `signal` aborts. */
  watch<T extends KubernetesObject>(kind: Kind<T>, options: WatchOptions): AsyncIterable<readonly WatchEvent<T>[]>;
  /** POST to a subresource: `pods/binding`, `pods/eviction`, `serviceaccounts/token`. */
  createSubresource<A extends KubernetesObject = KubernetesObject>(kind: Kind, at: ObjectAddress, subresource: string, body: object, options?: CallOptions): Promise<A>;
  getSubresource<A extends KubernetesObject = KubernetesObject>(kind: Kind, at: ObjectAddress, subresource: string, signal?: AbortSignal): Promise<A>;
  /** PUT to a subresource other than status: `namespaces/finalize`, `deployments/scale`. */
  updateSubresource<A extends KubernetesObject = KubernetesObject>(kind: Kind, at: ObjectAddress, subresource: string, body: object, options?: CallOptions): Promise<A>;
}

export function createClient(transport: Transport): Client {
  // The server answers a kind's address with that kind's objects: the one place where this is taken on trust.
  const send = async <T extends KubernetesObject>(request: ApiRequest): Promise<T> => (await transport.request(request)) as T;
  return {
    get: (kind, at, signal) => send(addressed(kind, 'get', at, { signal })),
    list: async <T extends KubernetesObject>(kind: Kind<T>, options: ListOptions = {}) => asList<T>(await send(collection(kind, 'list', options))),
    create: (kind, object, options = {}) => send(written(kind, 'create', object, options)),
    update: (kind, object, options = {}) => send(written(kind, 'update', object, options)),
    updateStatus: (kind, object, options = {}) => send({ ...written(kind, 'update', object, options), subresource: 'status' }),
    patch: (kind, at, patchType, body, options = {}) => send({
      ...addressed(kind, 'patch', at, options), patchType, body, ...(options.subresource === undefined ? {} : { subresource: options.subresource }),
    }),
    apply: (kind, config, options) => {
      const { namespace, name = '' } = config.metadata ?? {};
      const body = { ...config, apiVersion: apiVersionOf(kind), kind: kind.kind };
      return send({
        ...addressed(kind, 'patch', { name, ...(namespace === undefined ? {} : { namespace }) }, options), patchType: 'application/apply-patch+yaml', body,
        ...(options.subresource === undefined ? {} : { subresource: options.subresource }),
      });
    },
    delete: (kind, at, options = {}) => send({ ...addressed(kind, 'delete', at, { signal: options.signal }), body: deleteBody(options) }),
    deleteCollection: (kind, list, options = {}) => send({ ...collection(kind, 'deletecollection', list), body: deleteBody(options) }),
    watch: <T extends KubernetesObject>(kind: Kind<T>, options: WatchOptions) => (
      transport.watch(collection(kind, 'watch', options)) as AsyncIterable<readonly WatchEvent<T>[]>
    ),
    createSubresource: (kind, at, subresource, body, options = {}) => send({ ...addressed(kind, 'create', at, options), subresource, body }),
    getSubresource: (kind, at, subresource, signal) => send({ ...addressed(kind, 'get', at, { signal }), subresource }),
    updateSubresource: (kind, at, subresource, body, options = {}) => send({ ...addressed(kind, 'update', at, options), subresource, body }),
  };
}

interface RequestOptions {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly resourceVersion?: string;
  readonly limit?: number;
  readonly continue?: string;
  readonly allowWatchBookmarks?: boolean;
  readonly timeoutSeconds?: number;
  readonly dryRun?: string;
  readonly fieldManager?: string;
  readonly force?: boolean;
  readonly signal?: AbortSignal | undefined;
}

const queryNames = [
  'labelSelector', 'fieldSelector', 'resourceVersion', 'limit', 'continue', 'allowWatchBookmarks', 'timeoutSeconds', 'dryRun', 'fieldManager', 'force',
] as const;

function base(kind: Kind, verb: Verb, namespace: string | undefined, options: RequestOptions): ApiRequest {
  const query = Object.fromEntries(queryNames.flatMap((name) => (options[name] === undefined || options[name] === '' ? [] : [[name, String(options[name])]])));
  return {
    verb, group: kind.group, version: kind.version, resource: kind.plural,
    ...(kind.scope === 'Cluster' || namespace === undefined || namespace === '' ? {} : { namespace }),
    ...(Object.keys(query).length === 0 ? {} : { query }),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  };
}

function collection(kind: Kind, verb: Verb, options: RequestOptions): ApiRequest {
  return base(kind, verb, options.namespace, options);
}

function addressed(kind: Kind, verb: Verb, at: ObjectAddress, options: RequestOptions): ApiRequest {
  return { ...base(kind, verb, at.namespace, options), name: at.name };
}

/** A create or an update of a whole object. What came from a list carries neither kind nor apiVersion: they are put back. */
function written(kind: Kind, verb: 'create' | 'update', object: KubernetesObject, options: CallOptions): ApiRequest {
  const { name, namespace } = object.metadata ?? {};
  const body = { ...object, apiVersion: apiVersionOf(kind), kind: kind.kind };
  const request = { ...base(kind, verb, namespace, options), body };
  return verb === 'create' || name === undefined ? request : { ...request, name };
}

function deleteBody(options: DeleteOptions): object {
  const { signal: _signal, ...rest } = options;
  return { kind: 'DeleteOptions', apiVersion: 'v1', ...rest };
}

function asList<T>(answer: KubernetesObject): KubernetesList<T> {
  const items: unknown = Reflect.get(answer, 'items');
  if (items !== null && items !== undefined && !Array.isArray(items)) throw failure('InternalError', 'the server answered a list without items');
  // Items are of the kind that was asked for, as in `send`.
  return { ...answer, metadata: answer.metadata as KubernetesList<T>['metadata'] ?? {}, items: (items ?? []) as readonly T[] };
}
