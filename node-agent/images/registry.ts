import { get, type Answer } from './answer.ts';
import { ImageError } from './image-error.ts';
import type { ImageReference } from './reference.ts';

/** One way to say who we are to a registry. */
export interface Credentials {
  readonly username: string;
  readonly password: string;
}

export interface Registry {
  /** A manifest or config, at most `limit` bytes. `path` after the repository: `manifests/latest`. */
  document(path: string, accept: readonly string[], limit: number): Promise<{ readonly body: Buffer; readonly mediaType: string }>;
  /** A blob's bytes from `offset` on; the answer's offset is 0 when the registry sends everything. */
  blob(digest: string, offset: number): Promise<{ readonly body: AsyncIterable<Uint8Array>; readonly offset: number }>;
}

export interface RegistryOptions {
  readonly credentials: readonly Credentials[];
  readonly insecureRegistries: readonly string[];
  readonly signal: AbortSignal;
}

const largestToken = 64 * 1024;

/** One repository of a registry: OCI distribution-spec 1.1, with token and basic authentication. */
export function openRegistry(reference: ImageReference, options: RegistryOptions): Registry {
  const host = reference.registry === 'docker.io' ? 'registry-1.docker.io' : reference.registry;
  const scheme = isLoopback(host) || options.insecureRegistries.includes(reference.registry) ? 'http' : 'https';
  const base = `${scheme}://${host}/v2/${reference.repository}`;
  const what = `${reference.registry}/${reference.repository}`;
  let authorization: string | undefined;

  async function send(path: string, headers: Readonly<Record<string, string>>): Promise<Answer> {
    const attempt = async (): Promise<Answer> => await get(`${base}/${path}`, {
      ...headers, ...(authorization === undefined ? {} : { authorization }),
    }, options.signal);
    let response = await attempt();
    if (response.status !== 401) return response;
    const challenge = response.headers['www-authenticate'] ?? '';
    response.discard();
    for (const credentials of [undefined, ...options.credentials]) {
      authorization = await answerChallenge(challenge, credentials, reference.repository, options.signal);
      if (authorization === undefined) continue;
      response = await attempt();
      if (response.status !== 401 && response.status !== 403) return response;
      response.discard();
    }
    authorization = undefined;
    throw new ImageError('Unauthorized', `pull access denied for ${what}: authorization failed: no basic auth credentials were accepted`);
  }

  async function checked(path: string, headers: Readonly<Record<string, string>>): Promise<Answer> {
    const response = await send(path, headers);
    if (isOk(response)) return response;
    response.discard();
    if (response.status === 404) throw new ImageError('NotFound', `${what}/${path}: not found`);
    if (response.status === 403) throw new ImageError('Unauthorized', `pull access denied for ${what}: 403 Forbidden`);
    throw new ImageError('Unavailable', `unexpected status from GET request to ${base}/${path}: ${response.status} ${response.statusText}`);
  }

  return {
    async document(path, accept, limit) {
      const response = await checked(path, accept.length === 0 ? {} : { accept: accept.join(', ') });
      return { body: await readAll(response, limit), mediaType: (response.headers['content-type'] ?? '').split(';')[0]?.trim() ?? '' };
    },
    async blob(digest, offset) {
      const response = await checked(`blobs/${digest}`, offset === 0 ? {} : { range: `bytes=${offset}-` });
      return { body: response.body, offset: response.status === 206 ? offset : 0 };
    },
  };
}

function isLoopback(host: string): boolean {
  const name = host.replace(/:\d+$/, '');
  return name === 'localhost' || name === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(name);
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

/** The Authorization header that a challenge asks for; undefined when these credentials can't answer it. */
async function answerChallenge(
  challenge: string, credentials: Credentials | undefined, repository: string, signal: AbortSignal,
): Promise<string | undefined> {
  const basic = credentials === undefined ? undefined : `Basic ${Buffer.from(`${credentials.username}:${credentials.password}`).toString('base64')}`;
  if (/^basic\b/i.test(challenge)) return basic;
  const { realm, service, scope } = parametersOf(challenge);
  if (!/^bearer\b/i.test(challenge) || realm === undefined) return undefined;
  const url = new URL(realm);
  if (service !== undefined) url.searchParams.set('service', service);
  url.searchParams.set('scope', scope ?? `repository:${repository}:pull`);
  const response = await get(url.href, basic === undefined ? {} : { authorization: basic }, signal);
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
