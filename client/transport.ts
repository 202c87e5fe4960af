import type { KubernetesObject } from '../machinery/kinds/kind.ts';

export type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete' | 'deletecollection';

export type PatchType =
  | 'application/json-patch+json'
  | 'application/merge-patch+json'
  | 'application/strategic-merge-patch+json'
  | 'application/apply-patch+yaml';

/** One call on the resource API. */
export interface ApiRequest {
  readonly verb: Verb;
  /** '' for the core group. */
  readonly group: string;
  readonly version: string;
  /** Plural: `pods`. */
  readonly resource: string;
  readonly namespace?: string;
  readonly name?: string;
  readonly subresource?: string;
  /** `labelSelector`, `fieldSelector`, `resourceVersion`, `limit`, `dryRun`, … as in the query of a URL. */
  readonly query?: Readonly<Record<string, string>>;
  /** The object to create or update, the patch (its JSON value), or DeleteOptions. It is encoded at once: the caller may reuse it. */
  readonly body?: unknown;
  readonly patchType?: PatchType;
  readonly signal?: AbortSignal;
}

export interface WatchEvent<T = KubernetesObject> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  readonly object: T;
}

/**
 * How a component talks to the API. Two implementations, held to one suite: `https.ts`, and the API server's own `local`
 * (the same pipeline without sockets). What it hands out is shared and must not be changed.
 */
export interface Transport {
  /** Throws `ApiError` when the server answers with a failure Status, or when the connection fails (`code` 0). */
  request(request: ApiRequest): Promise<KubernetesObject>;
  /**
   * Events in order, in batches of what arrived together. Ends when the server ends the watch or `signal` aborts; throws
   * `ApiError` when the server refuses it or sends an ERROR event (410: the revision is gone, list again).
   */
  watch(request: ApiRequest): AsyncIterable<readonly WatchEvent[]>;
}
