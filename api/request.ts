/**
 * One call on the API, whoever carries it: the HTTPS listener and the local transport build a `Call`, `dispatch.ts` turns it
 * into a `Result`, and the carrier renders that.
 */
import type { KubernetesObject } from '../machinery/kinds/kind.ts';
import type { PatchType, Verb } from '../client/transport.ts';
import type { Resource } from './resources/define.ts';
import type { YamlOutcome } from './schema/yaml-reader.ts';
import type { ChangeSink, Entry } from './store/cache.ts';
import type { Revision } from './store/store.ts';

/** Who calls. Source: "Authenticating", user info. */
export interface User {
  readonly name: string;
  readonly uid?: string;
  readonly groups: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
  /** Who acts as this user; absent: nobody else. */
  readonly impersonator?: User;
}

/** A user as the API shows one: UserInfo. */
export function userInfoOf({ name, uid, groups, extra }: User): object {
  return { username: name, ...(uid === undefined ? {} : { uid }), groups, ...(extra === undefined ? {} : { extra }) };
}

/** Where a call came from, and what is noted about it on its way: what the audit log tells. */
export interface Origin {
  readonly auditId: string;
  /** With the query. */
  readonly uri: string;
  /** Of the caller and of the proxies before it, the first is the farthest. */
  readonly addresses: readonly string[];
  readonly userAgent: string;
  /** `authorization.k8s.io/decision`, findings of admission. */
  readonly annotations: Map<string, string>;
}

/** The patch that is a configuration to apply, in YAML or JSON. */
export const applyPatch = 'application/apply-patch+yaml';

/** What a request is about: the attributes that authorization sees. Verbs beyond `Verb` come of non-resource paths and `connect`. */
export interface RequestInfo {
  readonly path: string;
  /** False: only `path` and `verb` (the lower-case HTTP method) count. */
  readonly isResource: boolean;
  readonly verb: Verb | 'connect' | string;
  readonly group: string;
  readonly version: string;
  /** Plural. */
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  /** As in the query, of list, watch and deletecollection: a node may list its own pods only. A selector on `metadata.name` also sets `name`. */
  readonly fieldSelector?: string;
}

/** How the caller wants the answer. */
export interface Accept {
  readonly as: 'json' | 'Table' | 'PartialObjectMetadata' | 'PartialObjectMetadataList';
}

export interface Body {
  /** As it came; or a value of the local transport, which is encoded at once and never kept. */
  readonly content: { readonly bytes: Buffer } | { readonly value: unknown };
  /** `application/json`, `application/yaml` or a patch type; parameters removed. */
  readonly mediaType: string;
  /** What became of YAML that was read elsewhere. */
  readonly yaml?: YamlOutcome;
}

/** One authenticated call. */
export interface Call {
  readonly info: RequestInfo;
  readonly user: User;
  readonly resource: Resource;
  /** First value of each query parameter. */
  readonly query: Readonly<Record<string, string>>;
  /** The query as it came, without `?`: what a node's agent is asked with (`command` repeats). */
  readonly search: string;
  readonly body?: Body;
  readonly patchType?: PatchType;
  readonly accept: Accept;
  /** Absent: nobody records calls. */
  readonly origin?: Origin;
  /** `User-Agent` up to the first `/`: the default field manager. */
  readonly userAgent: string;
  /** Aborts when the caller is gone or the request's deadline has passed. */
  readonly signal: AbortSignal;
  /** Adds a `Warning` header (299). */
  readonly warn: (text: string) => void;
}

export type Result =
  | { readonly type: 'entry'; readonly code: 200 | 201 | 202; readonly resource: Resource; readonly entry: Entry }
  /** Not stored as such: Status, Scale, TokenRequest, reviews, the outcome of a dry run. */
  | { readonly type: 'object'; readonly code: number; readonly resource: Resource; readonly object: KubernetesObject }
  | ListResult
  | WatchResult
  | AgentResult
  | ProxyResult;

export interface ListResult {
  readonly type: 'list';
  readonly resource: Resource;
  readonly entries: readonly Entry[];
  readonly revision: Revision;
  readonly continue?: string;
  readonly remainingItemCount?: number;
}

export interface WatchResult {
  readonly type: 'watch';
  readonly resource: Resource;
  /** Starts the flow; `sink.end` comes last, unless closed first. Deadlines are inside. */
  readonly open: (sink: WatchSink) => { close(): void };
}

/** Takes a watch's changes to a caller. */
export interface WatchSink extends ChangeSink {
  /** Resolves when there is room again; undefined: there is. The initial state waits for it, live changes don't. */
  room?(): Promise<void> | undefined;
}

/** The answer comes from a node's agent: the carrier streams it, or splices an upgraded connection, byte for byte. */
export interface AgentResult {
  readonly type: 'agent';
  readonly host: string;
  readonly port: number;
  /** With the query. */
  readonly path: string;
}

/** Another server answers: the carrier sends the request on, or splices an upgraded connection. */
export interface ProxyResult {
  readonly type: 'proxy';
  readonly target: ProxyTarget;
}

export interface ProxyTarget {
  readonly host: string;
  readonly port: number;
  /** With the query. Without a path of its own, a GET is sent to the path that ends in a slash first. */
  readonly path: string;
  /** Set over those of the request. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** What stands before the other server's paths here: its redirects are led through it. */
  readonly prefix?: string;
  /** Absent: plain HTTP. `agent`: a node's agent, to which this server shows itself as itself. */
  readonly tls?: 'agent' | {
    readonly caPem?: string;
    readonly certPem?: string;
    readonly keyPem?: string;
    /** The name that the other server is to have, where that isn't `host`. */
    readonly serverName?: string;
    /** Must an authority have signed its certificate? */
    readonly isVerified: boolean;
    /** Must it be for the name that was asked? */
    readonly isNameChecked: boolean;
  };
}

/** One verb's code. Throws `ApiError`. */
export type Handler = (call: Call) => Promise<Result>;
