import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { Pki } from '../api/access/pki.ts';

/** The part of an AdmissionReview's request that tests look at. */
export interface ReviewRequest {
  readonly uid: string;
  readonly operation: string;
  readonly kind: { readonly group: string; readonly version: string; readonly kind: string };
  readonly requestKind: { readonly group: string; readonly version: string; readonly kind: string };
  readonly resource: { readonly group: string; readonly version: string; readonly resource: string };
  readonly name?: string;
  readonly namespace?: string;
  readonly subResource?: string;
  readonly dryRun: boolean;
  readonly userInfo: { readonly username: string };
  readonly object: Readonly<Record<string, unknown>> | null;
  readonly oldObject: Readonly<Record<string, unknown>> | null;
  readonly options?: Readonly<Record<string, unknown>>;
}

/** What a webhook answers: the response without its uid, or whatever takes the place of the whole answer. */
export type Respond = (request: ReviewRequest) => object | { readonly raw: string } | { readonly code: number } | Promise<object>;

export interface WebhookServer {
  readonly port: number;
  /** For `caBundle`. */
  readonly caBundle: string;
  /** By path: `/deny`. */
  readonly on: (path: string, respond: Respond) => void;
  /** Requests by path, in order. */
  readonly asked: (path: string) => readonly ReviewRequest[];
  close(): Promise<void>;
}

/** Webhooks of a test, on the loopback address, under a certificate of the cluster's authority. */
export async function startWebhookServer(pki: Pki, names: readonly string[] = []): Promise<WebhookServer> {
  const { certPem: cert, keyPem: key } = await pki.serverCertificate(['127.0.0.1', ...names]);
  const responders = new Map<string, Respond>();
  const requests = new Map<string, ReviewRequest[]>();
  const server = createServer({ cert, key }, (request, answer) => {
    void text(request).then(async (body) => {
      const path = (request.url ?? '').split('?')[0] ?? '';
      const { apiVersion, request: asked } = JSON.parse(body) as { apiVersion: string; request: ReviewRequest };
      requests.set(path, [...requests.get(path) ?? [], asked]);
      const response = await responders.get(path)?.(asked) ?? { allowed: true };
      if ('code' in response) return answer.writeHead(Number(response.code)).end();
      return answer.end('raw' in response ? String(response.raw) : JSON.stringify({ kind: 'AdmissionReview', apiVersion, response: { uid: asked.uid, ...response } }));
    });
  });
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  return {
    port: (server.address() as AddressInfo).port,
    caBundle: Buffer.from(pki.caPem).toString('base64'),
    on: (path, respond) => { responders.set(path, respond); },
    asked: (path) => requests.get(path) ?? [],
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => { server.close(resolve); });
    },
  };
}

/** A response that changes the object. */
export function patching(...operations: readonly object[]): object {
  return { allowed: true, patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(operations)).toString('base64') };
}
