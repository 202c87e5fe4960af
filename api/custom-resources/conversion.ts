import { isDeepStrictEqual } from 'node:util';
import type { DefinitionConversion } from '../../machinery/kinds/apiextensions.ts';
import type { KubernetesObject, ObjectMeta } from '../../machinery/kinds/kind.ts';
import type { Draft } from '../../machinery/kinds/wire.ts';
import { failure, type ApiError } from '../../machinery/status.ts';
import { messageOf } from '../../machinery/thrown.ts';
import type { RemoteConversion } from '../resources/define.ts';
import type { WebhookClient } from '../webhooks/client.ts';
import { isObject } from './schema/structural.ts';

export interface ConversionOptions {
  readonly webhooks: WebhookClient;
  readonly uuid: () => string;
}

const timeoutMs = 30_000;

/**
 * Conversion by a webhook; undefined: the definition names none, its versions differ by their apiVersion only. A webhook may change all
 * of an object but its metadata, of which labels and annotations are its to change.
 * Source: "Webhook conversion", Versions in CustomResourceDefinitions; wording: the API server's conversion.
 */
export function remoteConversionOf(conversion: DefinitionConversion | undefined, { webhooks, uuid }: ConversionOptions): RemoteConversion | undefined {
  const config = conversion?.strategy === 'Webhook' ? conversion.webhook?.clientConfig : undefined;
  if (config === undefined) return undefined;
  const version = (conversion?.webhook?.conversionReviewVersions ?? []).find((one) => one === 'v1' || one === 'v1beta1') ?? 'v1';
  return {
    async convert(objects, apiVersion) {
      const due = objects.filter((object) => object.apiVersion !== apiVersion);
      if (due.length === 0) return structuredClone(objects) as readonly Draft<KubernetesObject>[];
      const uid = uuid();
      const review = { kind: 'ConversionReview', apiVersion: `apiextensions.k8s.io/${version}`, request: { uid, desiredAPIVersion: apiVersion, objects: due } };
      const answer = await webhooks.call(config, review, { timeoutMs }).catch((cause: unknown) => { throw failed(due, messageOf(cause), cause); });
      const converted = [...convertedIn(responseIn(answer, review, due), due, apiVersion)];
      return objects.map((object) => (object.apiVersion === apiVersion ? structuredClone(object) as Draft<KubernetesObject> : converted.shift() ?? {}));
    },
  };
}

function failed(objects: readonly KubernetesObject[], why: string, cause?: unknown): ApiError {
  const [{ apiVersion = '', kind = '' } = {}] = objects;
  return failure('InternalError', `conversion webhook for ${apiVersion}, Kind=${kind} failed: ${why}`, undefined, { cause });
}

interface Review {
  readonly apiVersion: string;
  readonly kind: string;
  readonly request: { readonly uid: string };
}

/** The answer to `review`. Reviews of v1beta1 needn't say which they answer. */
function responseIn(answer: unknown, { apiVersion, kind, request: { uid } }: Review, objects: readonly KubernetesObject[]): Readonly<Record<string, unknown>> {
  const { apiVersion: saidVersion, kind: saidKind, response } = isObject(answer) ? answer : {};
  const isStrict = apiVersion.endsWith('/v1');
  if (isStrict && (saidVersion !== apiVersion || saidKind !== kind)) throw failed(objects, `expected webhook response of ${apiVersion}, Kind=${kind}, got ${String(saidVersion ?? '')}, Kind=${String(saidKind ?? '')}`);
  if (!isObject(response)) throw failed(objects, 'no response provided');
  if (isStrict && response['uid'] !== uid) throw failed(objects, `expected response.uid=${JSON.stringify(uid)}, got ${JSON.stringify(response['uid'] ?? '')}`);
  return response;
}

function* convertedIn({ result, convertedObjects }: Readonly<Record<string, unknown>>, objects: readonly KubernetesObject[], apiVersion: string): Generator<Draft<KubernetesObject>> {
  const { status = '', message = '' } = isObject(result) ? result : {};
  if (status !== 'Success') throw failed(objects, typeof message === 'string' && message !== '' ? message : `response.result.status was '${String(status)}', not 'Success'`);
  const list = Array.isArray(convertedObjects) ? convertedObjects : [];
  if (list.length !== objects.length) throw failed(objects, `webhook returned ${list.length} objects, expected ${objects.length}`);
  for (const [index, object] of objects.entries()) yield accepted(list[index], object, objects, apiVersion);
}

const mayChange: ReadonlySet<string> = new Set(['labels', 'annotations']);

function accepted(converted: unknown, original: KubernetesObject, all: readonly KubernetesObject[], apiVersion: string): Draft<KubernetesObject> {
  if (!isObject(converted)) throw failed(all, 'webhook returned something that is no object');
  if (converted['apiVersion'] !== apiVersion) throw failed(all, `webhook returned invalid converted object at index 0: invalid groupVersion (expected ${apiVersion}, received ${String(converted['apiVersion'])})`);
  if (converted['kind'] !== original.kind) throw failed(all, `webhook returned invalid converted object at index 0: invalid kind (expected ${original.kind ?? ''}, received ${String(converted['kind'])})`);
  const metadata: Readonly<Record<string, unknown>> = isObject(converted['metadata']) ? converted['metadata'] : {};
  const before: ObjectMeta = original.metadata ?? {};
  for (const key of ['name', 'namespace', 'uid'] as const) {
    if (!isDeepStrictEqual(metadata[key], before[key])) throw failed(all, `webhook returned invalid converted object at index 0: invalid metadata of converted object: must have the same ${key}`);
  }
  const kept = Object.fromEntries(Object.entries(before).filter(([key]) => !mayChange.has(key)));
  const changed = Object.fromEntries(Object.entries(metadata).filter(([key, value]) => mayChange.has(key) && isObject(value)));
  return { ...converted, metadata: { ...kept, ...changed } };
}
