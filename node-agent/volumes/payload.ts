import type { Pod, Volume } from '../../machinery/kinds/core.ts';
import { fieldValue, resourceValue, type PodFacts } from '../downward.ts';
import type { HeldObjects } from '../objects.ts';
import type { Payload, PayloadFile } from './atomic-writer.ts';

export type Projection = NonNullable<NonNullable<Volume['projected']>['sources']>[number];
type Items = NonNullable<Volume['configMap']>['items'];
type DownwardItems = NonNullable<Volume['downwardAPI']>['items'];
type TokenProjection = NonNullable<Projection['serviceAccountToken']>;

/** What a payload is made from. */
export interface PayloadSources {
  readonly pod: Pod;
  readonly objects: Pick<HeldObjects, 'configMap' | 'secret'>;
  readonly facts: PodFacts;
  /** A token for the pod's service account; it is asked for again before it expires. */
  token(projection: TokenProjection): Promise<string>;
}

const defaultFileMode = 0o644;
/** A token is for the one user of the pod, or for its group. */
const tokenMode = 0o600;
const groupTokenMode = 0o640;

/** The files of a configMap, secret, downwardAPI or projected volume; `undefined` for other kinds. Throws in Kubernetes' words. */
export async function payloadOf(volume: Volume, sources: PayloadSources): Promise<Payload | undefined> {
  const { configMap, secret, downwardAPI, projected } = volume;
  if (configMap !== undefined) return await configMapFiles(configMap, configMap.defaultMode, sources);
  if (secret !== undefined) {
    const named = { items: secret.items ?? [], ...(secret.secretName === undefined ? {} : { name: secret.secretName }), ...(secret.optional === undefined ? {} : { optional: secret.optional }) };
    return await secretFiles(named, secret.defaultMode, sources);
  }
  if (downwardAPI !== undefined) return downwardFiles(downwardAPI.items, downwardAPI.defaultMode, sources);
  if (projected === undefined) return undefined;
  const files = new Map<string, PayloadFile>();
  for (const source of projected.sources ?? []) {
    for (const [path, file] of await projectedFiles(source, projected.defaultMode, sources)) files.set(path, file);
  }
  return files;
}

async function projectedFiles(source: Projection, mode: number | undefined, sources: PayloadSources): Promise<Payload> {
  if (source.configMap !== undefined) return await configMapFiles(source.configMap, mode, sources);
  if (source.secret !== undefined) return await secretFiles(source.secret, mode, sources);
  if (source.downwardAPI !== undefined) return downwardFiles(source.downwardAPI.items, mode, sources);
  if (source.serviceAccountToken === undefined) throw new Error('unsupported projected volume source');
  const token = await sources.token(source.serviceAccountToken);
  const hasGroup = sources.pod.spec?.securityContext?.fsGroup !== undefined;
  // Whom the image makes the user, or several users, could not read it otherwise.
  const open = mode ?? defaultFileMode;
  return new Map([[source.serviceAccountToken.path, { data: Buffer.from(token), mode: hasGroup ? groupTokenMode : onlyUserOf(sources.pod) === undefined ? open : tokenMode }]]);
}

/** The user that all containers of a pod ask for, if they do. Source: "ServiceAccount token volume projection", file permissions. */
export function onlyUserOf({ spec }: Pod): number | undefined {
  const containers = [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])];
  const users = new Set(containers.map((each) => each.securityContext?.runAsUser ?? spec?.securityContext?.runAsUser));
  const [user] = users;
  return users.size === 1 ? user : undefined;
}

interface ObjectRef {
  readonly name?: string;
  readonly items?: Items;
  readonly optional?: boolean;
}

async function configMapFiles(ref: ObjectRef, mode: number | undefined, { objects, pod }: PayloadSources): Promise<Payload> {
  const found = await objects.configMap(ref.name ?? '');
  if (found === undefined && ref.optional !== true) throw new Error(`configmap "${ref.name ?? ''}" not found`);
  const data = new Map<string, Buffer>();
  for (const [key, value] of Object.entries(found?.data ?? {})) data.set(key, Buffer.from(value));
  for (const [key, value] of Object.entries(found?.binaryData ?? {})) data.set(key, Buffer.from(value, 'base64'));
  return select(data, ref, mode, pod.metadata?.namespace ?? '', 'configmap');
}

async function secretFiles(ref: ObjectRef, mode: number | undefined, { objects, pod }: PayloadSources): Promise<Payload> {
  const found = await objects.secret(ref.name ?? '');
  if (found === undefined && ref.optional !== true) throw new Error(`secret "${ref.name ?? ''}" not found`);
  const data = new Map(Object.entries(found?.data ?? {}).map(([key, value]) => [key, Buffer.from(value, 'base64')]));
  return select(data, ref, mode, pod.metadata?.namespace ?? '', 'secret');
}

function select(data: ReadonlyMap<string, Buffer>, ref: ObjectRef, mode: number | undefined, namespace: string, kind: string): Payload {
  const files = new Map<string, PayloadFile>();
  if (ref.items === undefined || ref.items.length === 0) {
    for (const [key, bytes] of data) files.set(key, { data: bytes, mode: mode ?? defaultFileMode });
    return files;
  }
  for (const item of ref.items) {
    const bytes = data.get(item.key);
    if (bytes !== undefined) files.set(plainPath(item.path), { data: bytes, mode: item.mode ?? mode ?? defaultFileMode });
    else if (ref.optional !== true) throw new Error(`references non-existent ${kind} key: ${item.key} in ${namespace}/${ref.name ?? ''}`);
  }
  return files;
}

function downwardFiles(items: DownwardItems, mode: number | undefined, { pod, facts }: PayloadSources): Payload {
  const files = new Map<string, PayloadFile>();
  for (const item of items ?? []) {
    const value = item.fieldRef === undefined ? ofResource(pod, item.resourceFieldRef, facts) : fieldValue(pod, item.fieldRef.fieldPath, facts);
    if (value === undefined) throw new Error(`unsupported fieldPath: ${item.fieldRef?.fieldPath ?? item.resourceFieldRef?.resource ?? ''}`);
    files.set(plainPath(item.path), { data: Buffer.from(value), mode: item.mode ?? mode ?? defaultFileMode });
  }
  return files;
}

function ofResource(pod: Pod, ref: { readonly containerName?: string; readonly resource: string; readonly divisor?: string } | undefined, facts: PodFacts): string | undefined {
  const container = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])].find((each) => each.name === ref?.containerName);
  return container === undefined || ref === undefined ? undefined : resourceValue(container, ref.resource, ref.divisor, facts);
}

/** The API refuses paths that leave the volume; the node does not rely on it. */
function plainPath(path: string): string {
  if (path === '' || path.startsWith('/') || path.split('/').includes('..') || path.startsWith('..')) throw new Error(`invalid path ${path}`);
  return path;
}
