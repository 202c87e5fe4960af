import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIPv6 } from 'node:net';
import type { Container } from '../../machinery/kinds/core.ts';

export interface HttpGet {
  readonly scheme: string;
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly headers: readonly { readonly name: string; readonly value: string }[];
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
}

/** Read of a body, bytes; the rest is left. */
const keptBytes = 10 * 1024;

const mostRedirects = 10;
const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/**
 * One GET for a hook or a probe: certificates aren't checked, as Kubernetes' aren't, and a redirect is followed on the same host
 * only; one to another is the answer. Rejects with why none came.
 */
export async function httpGet(get: HttpGet): Promise<{ readonly code: number; readonly body: string }> {
  const signal = AbortSignal.any([get.signal, AbortSignal.timeout(get.deadlineMs)]);
  const path = get.path.startsWith('/') ? get.path : `/${get.path}`;
  const headers = new Map<string, string>([['user-agent', 'kube-probe/1.36'], ['accept', '*/*'], ['connection', 'close']]);
  for (const { name, value } of get.headers) headers.set(name.toLowerCase(), value);
  // Joined as text: as a reference, `//other/` would lead to another host.
  let at = new URL(`${get.scheme.toLowerCase()}://${isIPv6(get.host) ? `[${get.host}]` : get.host}:${get.port}${path}`);
  for (let count = 0; count <= mostRedirects; count++) {
    const response = await answerFrom(at, Object.fromEntries(headers), signal);
    const { statusCode: code = 0, headers: { location } } = response;
    const next = redirects.has(code) && location !== undefined && URL.canParse(location, at) ? new URL(location, at) : undefined;
    if (next?.hostname !== at.hostname) return { code, body: await beginning(response) };
    response.destroy();
    at = next;
  }
  throw new Error(`stopped after ${mostRedirects} redirects`);
}

async function answerFrom(url: URL, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<IncomingMessage> {
  const options = { headers, signal, agent: false as const };
  return await new Promise<IncomingMessage>((resolve, reject) => {
    const request = url.protocol === 'https:' ? httpsRequest(url, { ...options, rejectUnauthorized: false }) : httpRequest(url, options);
    request.on('response', resolve).on('error', reject).end();
  });
}

async function beginning(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response) {
    if (!Buffer.isBuffer(chunk)) continue;
    chunks.push(chunk);
    size += chunk.length;
    if (size >= keptBytes) break;
  }
  response.destroy();
  return Buffer.concat(chunks).toString('utf8').slice(0, keptBytes);
}

/** A port by number or by its name among the container's ports. Throws when there is none of that name. */
export function portOf(container: Container, port: number | string | object): number {
  const number = Number(port);
  if (Number.isInteger(number) && number > 0) return number;
  const named = container.ports?.find((each) => each.name === port);
  if (named === undefined) throw new Error(`couldn't find port: ${JSON.stringify(port)}`);
  return named.containerPort;
}
