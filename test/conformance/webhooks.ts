/** Admission webhooks of a test: a server of its own, and configurations that concern its namespaces only. */
import { createHash } from 'node:crypto';
import { onTestFinished } from 'vitest';
import type { Client } from '../../client/client.ts';
import { MutatingWebhookConfiguration, ValidatingWebhookConfiguration } from '../../machinery/kinds/admission-registration.ts';
import { Lease } from '../../machinery/kinds/cluster.ts';
import { unique } from './definitions.ts';
import { startHttpsServer } from './https-server.ts';

/** What tests read of an AdmissionReview's request. */
export interface ReviewRequest {
  readonly uid: string;
  readonly operation: string;
  readonly name?: string;
  readonly object: Readonly<Record<string, unknown>> | null;
  readonly oldObject: Readonly<Record<string, unknown>> | null;
}

/** The response without its uid. */
export type Respond = (request: ReviewRequest) => object | Promise<object>;

export interface Hooks extends AsyncDisposable {
  /** Of a webhook: what calls `/path` of this server. */
  clientConfig(path: string): { readonly url: string; readonly caBundle: string };
}

/** Each path has its answer; what isn't named is allowed. */
export async function startHooks(paths: Readonly<Record<string, Respond>>): Promise<Hooks> {
  const server = await startHttpsServer(async ({ url, text }) => {
    const { apiVersion, request } = JSON.parse(text) as { readonly apiVersion: string; readonly request: ReviewRequest };
    const response = await paths[url.split('?', 1)[0] ?? '']?.(request) ?? { allowed: true };
    return { body: { kind: 'AdmissionReview', apiVersion, response: { uid: request.uid, ...response } } };
  });
  return { clientConfig: (path) => ({ url: `${server.url}${path}`, caBundle: server.caBundle }), [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

/** A response that changes the object. */
export function patching(...operations: readonly object[]): object {
  return { allowed: true, patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(operations)).toString('base64') };
}

export function denying(message: string): object {
  return { allowed: false, status: { message } };
}

export interface WebhookOptions {
  readonly name?: string;
  readonly clientConfig: object;
  readonly rules: readonly object[];
  /** Whatever else a webhook has. */
  readonly [field: string]: unknown;
}

export function rule(operations: readonly string[], resource: string, group = '', versions: readonly string[] = ['v1']): object {
  return { operations, apiGroups: [group], apiVersions: versions, resources: [resource], scope: '*' };
}

type ConfigurationKind = typeof MutatingWebhookConfiguration | typeof ValidatingWebhookConfiguration;

/** A configuration as it is sent. Its webhooks see the namespace alone, unless they have selectors of their own. */
export function configuration(namespace: string, webhooks: readonly WebhookOptions[], metadata: object = { name: unique('conformance') }) {
  const namespaceSelector = { matchLabels: { 'kubernetes.io/metadata.name': namespace } };
  return {
    metadata,
    webhooks: webhooks.map(({ name = `hook-${createHash('sha256').update(JSON.stringify(webhooks)).digest('hex').slice(0, 8)}.example.com`, ...rest }) => ({
      name, sideEffects: 'None', admissionReviewVersions: ['v1'], timeoutSeconds: 10, namespaceSelector, ...rest,
    })),
  };
}

/** Resolves with its name when it counts; it is gone when the test has ended. */
export async function configure(client: Client, kind: ConfigurationKind, namespace: string, ...webhooks: readonly WebhookOptions[]): Promise<string> {
  const { metadata } = await client.create<MutatingWebhookConfiguration & ValidatingWebhookConfiguration>(kind, configuration(namespace, webhooks));
  const name = metadata?.name ?? '';
  onTestFinished(async () => {
    await client.delete(kind, { name });
    await settled(client, namespace);
  });
  await settled(client, namespace);
  return name;
}

/** Configurations count once the server has seen them in its own watch: a write after them is seen later. */
export async function settled(client: Client, namespace: string): Promise<void> {
  await client.create(Lease, { metadata: { generateName: 'settled-', namespace } });
}
