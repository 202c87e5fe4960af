/** HTTP as it is: for bodies, headers and answers that no typed client lets through. */
import { request } from 'node:https';
import type { IncomingHttpHeaders } from 'node:http';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { inject } from 'vitest';
import { readKubeconfig } from '../../client/kubeconfig.ts';

export interface Answer {
  readonly code: number;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: Buffer;
  readonly text: string;
  /** The parsed text; undefined when it is no JSON. */
  readonly body: unknown;
}

export interface RawOptions {
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** Objects are sent as JSON, text and bytes as they are. */
  readonly body?: string | Uint8Array | object;
}

const deadlineMs = 30_000;

/** As the administrator, whatever the answer's code; rejects when there is none. */
export async function call(method: string, path: string, { headers = {}, body }: RawOptions = {}): Promise<Answer> {
  const { server, ca, cert, key } = await readKubeconfig(join(inject('controlPlane'), 'admin.kubeconfig'));
  const sent = body === undefined || typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    // Node frames the body of a DELETE only when its length is said.
    const options = { method, ca, cert, key, timeout: deadlineMs, signal: AbortSignal.timeout(deadlineMs), headers: { accept: 'application/json', ...(sent === undefined ? {} : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(sent)) }), ...headers } };
    const outgoing = request(`${server}${path}`, options, (incoming) => {
      buffer(incoming).then((bytes) => {
        const text = bytes.toString();
        resolve({ code: incoming.statusCode ?? 0, headers: incoming.headers, bytes, text, body: parsed(text) });
      }, reject);
    });
    outgoing.on('error', reject);
    outgoing.end(sent);
  });
}

/** The object at a path; rejects when there is none. */
export async function get(path: string, headers: Readonly<Record<string, string>> = {}): Promise<unknown> {
  const { code, text, body } = await call('GET', path, { headers });
  if (code !== 200) throw new Error(`GET ${path}: ${code} ${text}`);
  return body;
}

function parsed(answered: string): unknown {
  try {
    return JSON.parse(answered);
  } catch {
    return undefined;
  }
}
