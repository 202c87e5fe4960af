/** An outside issuer's keys, fetched over HTTPS when they are needed. Source: OpenID Connect Discovery 1.0, section 4. */
import { request } from 'node:https';
import { text } from 'node:stream/consumers';
import { fieldOf } from '../../../machinery/patch/json-value.ts';

/** Fetches a JSON document. Rejects when that takes longer than `fetchMs`, or the answer is no 200. */
export type FetchJson = (url: string, signal: AbortSignal) => Promise<unknown>;

const fetchMs = 10_000;
const maxBytes = 1 << 20;

/** Over TLS, with `caPem` instead of the machine's authorities when given. */
export function httpsJson(caPem: string | undefined): FetchJson {
  return (url, signal) => new Promise((resolve, reject) => {
    const asking = request(url, { ...(caPem === undefined ? {} : { ca: caPem }), headers: { accept: 'application/json' }, signal }, (answer) => {
      let bytes = 0;
      answer.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > maxBytes) answer.destroy(new Error(`${url} answers with more than ${maxBytes} bytes`));
      });
      text(answer).then((body) => {
        if (answer.statusCode !== 200) throw new Error(`${url} answers ${answer.statusCode}`);
        resolve(JSON.parse(body));
      }).catch(reject);
    });
    asking.on('error', reject);
    asking.end();
  });
}

export interface Issuer {
  /** The issuer's keys as a JSON Web Key Set; fetched again, at most every 10 s, when `fresh` is asked for. */
  keys(fresh: boolean): Promise<KeySet>;
}

export interface KeySet {
  readonly keys: readonly Readonly<Record<string, unknown>>[];
}

const leastAgeMs = 10_000;

export function createIssuer({ url, fetchJson, now }: { url: string; fetchJson: FetchJson; now: () => number }): Issuer {
  let held: { readonly keys: KeySet; readonly at: number } | undefined;
  let fetching: Promise<KeySet> | undefined;

  async function fetchKeys(): Promise<KeySet> {
    const signal = AbortSignal.timeout(fetchMs);
    const discovery = await fetchJson(`${url.replace(/\/$/, '')}/.well-known/openid-configuration`, signal);
    const named = fieldOf(discovery, 'issuer');
    if (named !== url) throw new Error(`the issuer at ${url} calls itself ${JSON.stringify(named)}`);
    const place = fieldOf(discovery, 'jwks_uri');
    if (typeof place !== 'string' || !place.startsWith('https://')) throw new Error(`the issuer at ${url} names no jwks_uri over https`);
    const keys = fieldOf(await fetchJson(place, signal), 'keys');
    if (!Array.isArray(keys)) throw new Error(`${place} holds no key set`);
    const set: KeySet = { keys: keys.filter((key: unknown): key is Record<string, unknown> => typeof key === 'object' && key !== null) };
    held = { keys: set, at: now() };
    return set;
  }

  return {
    async keys(fresh) {
      if (held !== undefined && (!fresh || now() - held.at < leastAgeMs)) return held.keys;
      fetching ??= fetchKeys().finally(() => void (fetching = undefined));
      return fetching;
    },
  };
}
