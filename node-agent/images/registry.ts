import { Readable } from 'node:stream';
import { messageOf } from '../../machinery/thrown.ts';
import { exchange, type Answer, type Content, type Exchange } from './answer.ts';
import { ImageError, unless } from './image-error.ts';
import { indexTypes, parseJson } from './manifest.ts';
import type { ImageReference } from './reference.ts';
import { endpointsOf, type Endpoint, type RegistrySettings } from './registry-settings.ts';

/** One way to say who we are to a registry. */
export interface Credentials {
  readonly username: string;
  readonly password: string;
}

export interface Registry<C extends Credentials = Credentials> {
  /** A manifest or config, at most `limit` bytes. `path` after the repository: `manifests/latest`. */
  document(path: string, accept: readonly string[], limit: number): Promise<{ readonly body: Buffer; readonly mediaType: string }>;
  /** Descriptors of what refers to a manifest (OCI distribution-spec 1.1), as they come, from pages of at most `limit` bytes; none where no such list is kept. */
  referrers(digest: string, limit: number): Promise<readonly unknown[]>;
  /** A blob's bytes from `offset` on; the answer's offset is 0 when the registry sends everything. */
  blob(digest: string, offset: number): Promise<{ readonly body: AsyncIterable<Uint8Array>; readonly offset: number }>;
  /** Whether the repository has a blob. */
  has(digest: string): Promise<boolean>;
  /** Begins an upload: where its bytes go, and the smallest piece that the registry takes, 0 when it does not say. */
  beginUpload(): Promise<{ readonly location: string; readonly leastChunk: number }>;
  /** One piece of a blob, in order; answers where the next one goes. */
  uploadChunk(location: string, offset: number, content: Content): Promise<string>;
  /** How much of an upload the registry has, and where the rest goes. */
  uploaded(location: string): Promise<{ readonly location: string; readonly size: number }>;
  /** Ends an upload, with the whole blob or with what is left of it. */
  endUpload(location: string, digest: string, content?: Content): Promise<void>;
  putManifest(name: string, mediaType: string, body: Buffer): Promise<void>;
  /** The credentials that the registry has accepted; undefined when it asked for none. */
  accepted(): C | undefined;
}

export interface RegistryOptions<C extends Credentials = Credentials> {
  /** What is to be done there; `push` implies `pull`. */
  readonly action: 'pull' | 'push';
  readonly credentials: readonly C[];
  readonly settings: RegistrySettings;
  /** How long it may stay silent, milliseconds; absent: a minute. */
  readonly silenceMs?: number;
  readonly signal: AbortSignal;
}

const largestToken = 64 * 1024;
/** Of a refusal's body, which says why. */
const largestRefusal = 4096;

type Asked = Pick<Exchange, 'method' | 'content'> & { readonly path: string; readonly headers?: Readonly<Record<string, string>> };

/**
 * One repository of a registry: OCI distribution-spec 1.1, with token and basic authentication. Its mirrors are asked first; what
 * one has not, or can't tell, the next is asked for, and one that does not answer is asked nothing more.
 */
export function openRegistry<C extends Credentials>(reference: ImageReference, options: RegistryOptions<C>): Registry<C> {
  const what = `${reference.registry}/${reference.repository}`;
  const { mirrors, own } = endpointsOf(reference, options.action, options.settings);
  const session = createSession(what, own, options);
  const beside = new Map(mirrors.map((mirror) => [mirror, createSession(what, mirror, { ...options, credentials: [] })]));

  /** What kept mirrors from answering: told when the registry can't be asked either. */
  const troubles = new Set<string>();

  async function fromMirror(asked: Asked): Promise<Answer | undefined> {
    for (const [mirror, each] of beside) {
      try {
        const response = await each.send({ ...asked, path: new URL(asked.path, mirror.base).href });
        if (isOk(response)) return { ...response, body: whole(response.body, () => beside.delete(mirror)) };
        if (response.status === 404) response.discard();
        else troubles.add(await unexpected(asked, response));
      } catch (error) {
        if (options.signal.aborted) throw error;
        troubles.add(messageOf(error));
        beside.delete(mirror);
      }
    }
    return undefined;
  }

  async function checked(asked: Asked): Promise<Answer> {
    const mirrored = await fromMirror(asked);
    if (mirrored !== undefined) return mirrored;
    try {
      return await fromOwn(asked);
    } catch (error) {
      if (troubles.size === 0 || !(error instanceof ImageError)) throw error;
      throw new ImageError(error.code, `${error.message}; from its mirror before: ${[...troubles].join('; ')}`, { cause: error });
    }
  }

  async function fromOwn(asked: Asked): Promise<Answer> {
    const response = await session.send({ ...asked, path: new URL(asked.path, own.base).href });
    if (isOk(response)) return response;
    if (response.status === 403) throw new ImageError('Unauthorized', `${options.action} access denied for ${what}: 403 Forbidden${await readRefusal(response)}`);
    if (response.status !== 404) throw new ImageError('Unavailable', await unexpected(asked, response));
    response.discard();
    throw new ImageError('NotFound', `${what}/${asked.path}: not found`);
  }

  /** What is said in headers alone; a Location may be relative to where it came from. */
  async function located(asked: Asked): Promise<{ readonly location: string; readonly headers: Answer['headers'] }> {
    const response = await checked(asked);
    response.discard();
    const { location = '' } = response.headers;
    if (!URL.canParse(location, response.url)) throw new ImageError('Unavailable', `${what} does not say where the upload goes on`);
    return { location: new URL(location, response.url).href, headers: response.headers };
  }

  return {
    async document(path, accept, limit) {
      const response = await checked({ method: 'GET', path, headers: accept.length === 0 ? {} : { accept: accept.join(', ') } });
      return { body: await readAll(response, limit), mediaType: mediaTypeOf(response) };
    },
    async referrers(digest, limit) {
      for (const [mirror, each] of beside) {
        try {
          const listed = await listReferrers(each.send, mirror.base, digest, limit);
          // Mirrors say of what they don't carry over that there is nothing.
          if (listed.length > 0) return listed;
        } catch (error) {
          if (options.signal.aborted) throw error;
        }
      }
      return listReferrers(session.send, own.base, digest, limit);
    },
    async blob(digest, offset) {
      const response = await checked({ method: 'GET', path: `blobs/${digest}`, headers: offset === 0 ? {} : { range: `bytes=${offset}-` } });
      return { body: response.body, offset: response.status === 206 ? offset : 0 };
    },
    async has(digest) {
      const found = await unless(['NotFound'], checked({ method: 'HEAD', path: `blobs/${digest}` }));
      found?.discard();
      return found !== undefined;
    },
    async beginUpload() {
      const { location, headers } = await located({ method: 'POST', path: 'blobs/uploads/', content: nothing });
      const least = Number(headers['oci-chunk-min-length'] ?? 0);
      return { location, leastChunk: Number.isSafeInteger(least) ? least : 0 };
    },
    async uploadChunk(location, offset, content) {
      const headers = { 'content-type': 'application/octet-stream', 'content-range': `${offset}-${offset + content.size - 1}` };
      return (await located({ method: 'PATCH', path: location, headers, content })).location;
    },
    async uploaded(location) {
      const answer = await located({ method: 'GET', path: location });
      const last = /^(?:bytes=)?0-(\d+)$/.exec(String(answer.headers['range'] ?? ''))?.[1];
      return { location: answer.location, size: last === undefined || last === '0' ? 0 : Number(last) + 1 };
    },
    async endUpload(location, digest, content = nothing) {
      const url = new URL(location);
      url.searchParams.set('digest', digest);
      (await checked({ method: 'PUT', path: url.href, headers: { 'content-type': 'application/octet-stream' }, content })).discard();
    },
    async putManifest(name, mediaType, body) {
      (await checked({ method: 'PUT', path: `manifests/${name}`, headers: { 'content-type': mediaType }, content: { size: body.length, open: () => Readable.from([body]) } })).discard();
    },
    accepted: session.accepted,
  };
}

/** Of a list of referrers. */
const mostPages = 10;
const mostReferrers = 10_000;
/** How registries answer that they keep no such lists, besides pages for people. */
const noSuchList: ReadonlySet<number> = new Set([400, 404, 405, 406]);

async function listReferrers(send: (asked: Asked) => Promise<Answer>, base: string, digest: string, limit: number): Promise<readonly unknown[]> {
  const entries: unknown[] = [];
  let url: string | undefined = new URL(`referrers/${digest}`, base).href;
  for (let page = 0; url !== undefined && page < mostPages; page += 1) {
    const response = await send({ method: 'GET', path: url, headers: { accept: indexTypes[0] } });
    if (noSuchList.has(response.status) || (isOk(response) && mediaTypeOf(response) !== indexTypes[0])) {
      response.discard();
      break;
    }
    if (!isOk(response)) throw new ImageError('Unavailable', await unexpected({ method: 'GET' }, response));
    const { manifests } = parseJson(await readAll(response, limit), url);
    if (Array.isArray(manifests)) entries.push(...(manifests as readonly unknown[]).slice(0, mostReferrers - entries.length));
    url = nextPage(response);
  }
  return entries;
}

/** Where a list goes on, when that is the same server. Source: RFC 8288. */
function nextPage({ headers, url }: Answer): string | undefined {
  const target = /<([^>]*)>\s*;\s*rel="?next"?/.exec(String(headers['link'] ?? ''))?.[1];
  if (target === undefined || !URL.canParse(target, url)) return undefined;
  const next = new URL(target, url);
  return next.origin === new URL(url).origin ? next.href : undefined;
}

function mediaTypeOf({ headers }: Answer): string {
  return (headers['content-type'] ?? '').split(';')[0]?.trim() ?? '';
}

const nothing: Content = { size: 0, open: () => Readable.from([]) };

/** Sends requests, and says who we are once the registry asks. */
function createSession<C extends Credentials>(what: string, { repository }: Endpoint, options: RegistryOptions<C>): Pick<Registry<C>, 'accepted'> & { send(asked: Asked): Promise<Answer> } {
  const { signal, silenceMs, action } = options;
  const scope = `repository:${repository}:${action === 'push' ? 'pull,push' : 'pull'}`;
  // Whoever gives credentials to push means them; to pull, what is public needs none.
  const tried = action === 'push' && options.credentials.length > 0 ? options.credentials : [undefined, ...options.credentials];
  let authorization: string | undefined;
  let accepted: C | undefined;
  return {
    accepted: () => accepted,
    async send({ path: url, method, headers, content }) {
      const attempt = async (): Promise<Answer> => await exchange({
        method, url, headers: { ...headers, ...(authorization === undefined ? {} : { authorization }) },
        ...(content === undefined ? {} : { content }), ...(silenceMs === undefined ? {} : { silenceMs }),
      }, signal);
      let response = await attempt();
      if (response.status !== 401) return response;
      const challenge = response.headers['www-authenticate'] ?? '';
      response.discard();
      for (const credentials of tried) {
        authorization = await answerChallenge(challenge, credentials, scope, options);
        if (authorization === undefined) continue;
        response = await attempt();
        if (response.status !== 401 && response.status !== 403) {
          accepted = credentials;
          return response;
        }
        response.discard();
      }
      authorization = undefined;
      throw new ImageError('Unauthorized', `${action} access denied for ${what}: authorization failed: no basic auth credentials were accepted`);
    },
  };
}

/** The bytes as they come; `broken` when they end with a failure. */
async function* whole(bytes: AsyncIterable<Uint8Array>, broken: () => void): AsyncGenerator<Uint8Array> {
  try {
    yield* bytes;
  } catch (error) {
    broken();
    throw error;
  }
}

function isOk({ status }: Answer): boolean {
  return status >= 200 && status < 300;
}

async function readAll(response: Answer, limit: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body) {
    size += chunk.length;
    if (size > limit) throw new ImageError('Corrupt', `the answer from ${response.url} is longer than ${limit} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** What a refusal's body says, as its errors say it. Source: OCI distribution-spec, error codes. */
async function readRefusal(response: Answer): Promise<string> {
  const text = (await readAll(response, largestRefusal).catch(() => Buffer.alloc(0))).toString('utf8');
  response.discard();
  const messages = [...text.matchAll(/"message"\s*:\s*"([^"\\]{1,200})"/g)].map((match) => match[1] ?? '');
  return messages.length === 0 ? '' : `: ${messages.join(', ')}`;
}

async function unexpected({ method }: Pick<Asked, 'method'>, response: Answer): Promise<string> {
  return `unexpected status from ${method} request to ${response.url}: ${response.status} ${response.statusText}${await readRefusal(response)}`;
}

/** The Authorization header that a challenge asks for; undefined when these credentials can't answer it. */
async function answerChallenge(
  challenge: string, credentials: Credentials | undefined, defaultScope: string, { action, signal, silenceMs }: RegistryOptions,
): Promise<string | undefined> {
  const basic = credentials === undefined ? undefined : `Basic ${Buffer.from(`${credentials.username}:${credentials.password}`).toString('base64')}`;
  if (/^basic\b/i.test(challenge)) return basic;
  const { realm, service, scope } = parametersOf(challenge);
  if (!/^bearer\b/i.test(challenge) || realm === undefined) return undefined;
  const url = new URL(realm);
  if (service !== undefined) url.searchParams.set('service', service);
  // What a token is good for is asked for at once: a challenge to the first question knows nothing of the later ones.
  url.searchParams.set('scope', action === 'push' ? defaultScope : scope ?? defaultScope);
  const response = await exchange({
    method: 'GET', url: url.href, headers: basic === undefined ? {} : { authorization: basic }, ...(silenceMs === undefined ? {} : { silenceMs }),
  }, signal);
  if (!isOk(response)) {
    response.discard();
    return undefined;
  }
  const answer: unknown = JSON.parse((await readAll(response, largestToken)).toString('utf8'));
  const { token, access_token: accessToken } = (typeof answer === 'object' && answer !== null ? answer : {}) as Partial<Record<string, unknown>>;
  const bearer = typeof token === 'string' ? token : accessToken;
  return typeof bearer === 'string' ? `Bearer ${bearer}` : undefined;
}

/** `realm="…",service="…"` of a WWW-Authenticate header. */
function parametersOf(challenge: string): Readonly<Partial<Record<string, string>>> {
  return Object.fromEntries([...challenge.matchAll(/(\w+)="([^"]*)"/g)].map((match) => [match[1] ?? '', match[2] ?? '']));
}
