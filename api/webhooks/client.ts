/**
 * How the API server asks webhooks: one POST over HTTPS, a JSON review there and one back, within a time. Admission and conversion
 * both do; what the reviews say is theirs. Source: "Webhook request and response", Dynamic admission control; "Webhook conversion".
 */
import { Agent, request } from 'node:https';
import { isIP } from 'node:net';
import { text } from 'node:stream/consumers';
import type { IncomingMessage } from 'node:http';
import { messageOf } from '../../machinery/thrown.ts';
import { stringifyExact } from '../schema/json-exact.ts';
import { isBlank } from './ca-bundle.ts';
import type { Place } from './service-address.ts';

/** `clientConfig` of a webhook: a URL or a Service. */
export interface ClientConfig {
  readonly url?: string;
  readonly service?: { readonly namespace: string; readonly name: string; readonly path?: string; readonly port?: number };
  /** PEM, in base64; absent: the authorities that the system trusts. */
  readonly caBundle?: string;
}

export interface WebhookClient {
  /** The JSON of the answer. Throws `WebhookError`. */
  call(config: ClientConfig, review: object, options: { readonly timeoutMs: number; readonly signal?: AbortSignal }): Promise<unknown>;
  close(): void;
}

/** No answer, or none that can be read: `Post "https://…": …`. */
export class WebhookError extends Error {
  /** Is it the time that was over? */
  readonly isTimeout: boolean;

  constructor(message: string, isTimeout: boolean, options?: ErrorOptions) {
    super(message, options);
    this.name = 'WebhookError';
    this.isTimeout = isTimeout;
  }
}

/** The largest answer: what a store takes of one object, several times over. */
const mostBytes = 16 * 1024 * 1024;
const idleSockets = 8;

/** `locate`: where the pods behind a Service answer; throws an Error that says why nowhere. */
export function createWebhookClient(locate: (service: NonNullable<ClientConfig['service']>) => Place): WebhookClient {
  const agent = new Agent({ keepAlive: true, maxFreeSockets: idleSockets });
  return {
    async call(config, review, { timeoutMs, signal }) {
      const { url, place, servername } = addressOf(config, locate, timeoutMs);
      const deadline = AbortSignal.timeout(timeoutMs);
      try {
        const answer = await post({ agent, url, place, servername, ca: config.caBundle, body: stringifyExact(review), signal: signal === undefined ? deadline : AbortSignal.any([deadline, signal]) });
        return JSON.parse(answer);
      } catch (cause) {
        if (cause instanceof WebhookError) throw cause;
        throw new WebhookError(`Post ${JSON.stringify(url.href)}: ${deadline.aborted ? 'context deadline exceeded' : messageOf(cause)}`, deadline.aborted, { cause });
      }
    },
    close: () => { agent.destroy(); },
  };
}

interface Address {
  /** As it is shown, and as the webhook sees it. */
  readonly url: URL;
  readonly place: Place;
  /** What its certificate must be for. */
  readonly servername: string;
}

function addressOf({ url, service }: ClientConfig, locate: (service: NonNullable<ClientConfig['service']>) => Place, timeoutMs: number): Address {
  if (service === undefined) {
    const own = withTimeout(new URL(url ?? ''), timeoutMs);
    const host = own.hostname.replaceAll(/^\[|\]$/g, '');
    return { url: own, place: { host, port: own.port === '' ? 443 : Number(own.port) }, servername: host };
  }
  const servername = `${service.name}.${service.namespace}.svc`;
  const own = withTimeout(new URL(`https://${servername}:${service.port ?? 443}${service.path ?? '/'}`), timeoutMs);
  try {
    return { url: own, place: locate(service), servername };
  } catch (cause) {
    throw new WebhookError(`Post ${JSON.stringify(own.href)}: ${messageOf(cause)}`, false, { cause });
  }
}

/** Webhooks are told how long they may take. */
function withTimeout(url: URL, timeoutMs: number): URL {
  url.searchParams.set('timeout', `${Math.ceil(timeoutMs / 1000)}s`);
  return url;
}

interface Posting extends Address {
  readonly agent: Agent;
  readonly ca: string | undefined;
  readonly body: string;
  readonly signal: AbortSignal;
}

async function post({ agent, url, place, servername, ca, body, signal }: Posting): Promise<string> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const asked = request({
      agent, signal, host: place.host, port: place.port, ...(isIP(servername) === 0 ? { servername } : {}), method: 'POST', path: `${url.pathname}${url.search}`,
      ...(ca === undefined || isBlank(ca) ? {} : { ca: Buffer.from(ca, 'base64') }),
      headers: { 'content-type': 'application/json', accept: 'application/json', 'content-length': Buffer.byteLength(body), host: url.host, 'user-agent': 'kube-apiserver-admission' },
    }, resolve);
    asked.on('error', reject);
    asked.end(body);
  });
  let bytes = 0;
  response.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > mostBytes) response.destroy(new Error(`the answer is larger than ${mostBytes} bytes`));
  });
  const answer = await text(response);
  if (response.statusCode !== 200) throw new WebhookError(`the server responded with the status code ${response.statusCode ?? 0} but did not return more information`, false);
  return answer;
}
