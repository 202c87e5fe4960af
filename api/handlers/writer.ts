import { failure, type ApiError } from '../../machinery/status.ts';
import { apiVersionOf, type KubernetesObject } from '../../machinery/kinds/kind.ts';
import type { Draft } from '../../machinery/kinds/wire.ts';
import { isSameButTimes, setEntries } from '../field-management/entries.ts';
import type { Admission } from '../admission/admission.ts';
import type { Body, RequestInfo, User } from '../request.ts';
import type { Resource } from '../resources/define.ts';
import type { Caches, Entry } from '../store/cache.ts';
import { nextStage } from './stages.ts';
import { maxTransactionBytes } from '../store/limits.ts';
import { requireReadable } from '../store/unreadable.ts';
import type { Compare, LeaseId, Store, Write } from '../store/store.ts';

/** How objects get in and out of their byte form; `schema/` implements it. */
export interface Codec {
  /**
   * The object of a request's body: unknown fields pruned (and refused or warned about as `fieldValidation` says), types
   * checked, owned by the caller. Throws 400.
   */
  decode(resource: Resource, body: Body, options: { fieldValidation: string | undefined; warn: (text: string) => void }): Draft<KubernetesObject>;
  /** As `decode`, of a value that a patch made; `duplicates`: what the patch has twice. */
  check(resource: Resource, value: unknown, options: { fieldValidation: string | undefined; warn: (text: string) => void; duplicates?: readonly string[] }): Draft<KubernetesObject>;
  /** The value of a body that is a patch or options: JSON or YAML. With `options`, keys that it has twice are told. Throws 400. */
  parse(body: Body, options?: { fieldValidation: string | undefined; warn: (text: string) => void }): unknown;
  /** Canonical JSON without `resourceVersion`. */
  encode(resource: Resource, object: KubernetesObject): Buffer;
  /** `original` with a strategic merge patch, guided by the resource's schema. */
  strategicMerge(resource: Resource, original: unknown, patch: unknown): unknown;
}

/** What the writing verbs work with. */
export interface Writer {
  readonly store: Store;
  readonly caches: Caches;
  readonly codec: Codec;
  readonly admission: Admission;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly uuid: () => string;
  /** Five characters for `generateName`. */
  readonly nameSuffix: () => string;
  /** By `handlerKey`. Absent: no kind has any. */
  readonly companions?: ReadonlyMap<string, CompanionSource>;
  /** Absent: nothing is counted. */
  readonly quotas?: Quotas;
  /** Throws 403: an apply that finds no object is a create. */
  readonly authorize: (user: User, info: RequestInfo) => void;
  /** The further versions of a resource's objects. Absent: no kind has any. */
  readonly versionsOf?: (resource: Resource) => readonly Resource[];
  /** A lease for objects that expire. Absent: they don't. */
  readonly leaseFor?: (ttlSeconds: number) => Promise<LeaseId>;
}

/** What else a kind's writes change in the same transaction. May set fields of the draft; throws 422. Runs again when a compare fails. */
export interface CompanionSource {
  create(draft: Draft<KubernetesObject>): Promise<Companions>;
  update(draft: Draft<KubernetesObject>, old: KubernetesObject): Promise<Companions>;
  remove(object: KubernetesObject): Promise<Companions>;
}

/** What objects of a namespace may be in all. */
export interface Quotas {
  /** Runs `write` with what is to be written beside the object. Throws 403. */
  charged<T>(charge: Charge, write: (companions: Companions) => Promise<T>): Promise<T>;
}

export interface Charge {
  readonly resource: Resource;
  readonly object: KubernetesObject;
  /** Absent: the object is new. */
  readonly old?: KubernetesObject;
  /** The same charge failed before, on a quota that had changed: look at the newest. */
  readonly isRetry: boolean;
}

/** `pods.`, `deployments.apps/scale`: how tables of handlers name a resource or subresource. */
export function handlerKey(resource: Pick<Resource, 'group' | 'plural'>, subresource = ''): string {
  return `${resource.plural}.${resource.group}${subresource === '' ? '' : `/${subresource}`}`;
}

/** The object's bytes in the form in which its resource is stored. A promise, when somebody has to be asked for that form. */
export function storedBytes(writer: Pick<Writer, 'codec'>, resource: Resource, object: Draft<KubernetesObject>): Buffer | Promise<Buffer> {
  const { storedAs } = resource;
  if (storedAs === undefined) return writer.codec.encode(resource, object);
  const { remote, resource: stored } = storedAs;
  if (remote === undefined || apiVersionOf(stored) === apiVersionOf(resource)) return writer.codec.encode(stored, storedAs.toStored(object));
  return remote.convert([object], apiVersionOf(stored)).then(([converted = object]) => writer.codec.encode(stored, converted));
}

/** What a transaction holds beside an object. */
const besideBytes = 4096;

/** As `storedBytes`. An object that only its owners make too large goes without them, unless somebody applied it. */
export async function fittingBytes(writer: Pick<Writer, 'codec'>, resource: Resource, object: Draft<KubernetesObject>): Promise<Buffer> {
  const value = await storedBytes(writer, resource, object);
  const owners = object.metadata?.managedFields ?? [];
  if (value.length + besideBytes <= maxTransactionBytes || owners.length === 0 || owners.some(({ operation }) => operation === 'Apply')) return value;
  setEntries(object, []);
  return storedBytes(writer, resource, object);
}

/** A put of an object, under a lease when its kind expires. */
export async function putOf(writer: Writer, resource: Resource, key: string, value: Buffer): Promise<Write> {
  if (resource.ttlSeconds === undefined || writer.leaseFor === undefined) return { type: 'put', key, value };
  return { type: 'put', key, value, lease: await writer.leaseFor(resource.ttlSeconds) };
}

/** `pods "x"`, `deployments.apps "x"`: how failures name an object. */
export function named(resource: Resource, name: string): string {
  const qualified = resource.group === '' ? resource.plural : `${resource.plural}.${resource.group}`;
  return `${qualified} ${JSON.stringify(name)}`;
}

function details(resource: Resource, name: string): { name: string; group?: string; kind: string } {
  return { name, ...(resource.group === '' ? {} : { group: resource.group }), kind: resource.plural };
}

export function notFound(resource: Resource, name: string): ApiError {
  return failure('NotFound', `${named(resource, name)} not found`, details(resource, name));
}

export function alreadyExists(resource: Resource, name: string): ApiError {
  return failure('AlreadyExists', `${named(resource, name)} already exists`, details(resource, name));
}

export function conflict(resource: Resource, name: string, why: string): ApiError {
  return failure('Conflict', `Operation cannot be fulfilled on ${named(resource, name)}: ${why}`, details(resource, name));
}

export const modified = 'the object has been modified; please apply your changes to the latest version and try again';

/** The entry, or 404. */
export function existing(writer: Writer, resource: Resource, namespace: string, name: string): Entry {
  const cache = writer.caches.of(resource);
  const within = namespace === '' ? undefined : namespace;
  requireReadable(cache, cache.keyOf(within, name));
  const entry = cache.get(within, name);
  if (entry === undefined) throw notFound(resource, name);
  return entry;
}

/** What `change` makes of the current version. */
export type Outcome =
  | { readonly type: 'put'; readonly object: Draft<KubernetesObject> }
  | { readonly type: 'delete' }
  | { readonly type: 'keep' };

/** Further writes that belong to an object's own transaction, and what they rest on. */
export interface Companions {
  readonly compares: readonly Compare[];
  readonly writes: readonly Write[];
}

/** More rounds than any contention among real writers needs. */
const maxAttempts = 64;

export interface Changed {
  readonly entry: Entry;
  readonly deleted: boolean;
}

/**
 * Reads, changes and writes one object with optimistic concurrency: when somebody else wrote in between, `change` runs
 * again on the newer version, unless it named a version itself (it then throws 409 on the second look). Equal bytes write
 * nothing. With `dryRun`, everything but the commit happens.
 */
export async function changeObject(
  writer: Writer, resource: Resource, namespace: string, name: string, dryRun: boolean,
  change: (current: Entry) => Outcome | Promise<Outcome>,
): Promise<Changed> {
  let current = existing(writer, resource, namespace, name);
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    await writer.caches.ready(resource, [current]);
    const outcome = await change(current);
    if (outcome.type === 'keep') return { entry: current, deleted: false };
    const companions = await companionsOf(writer, resource, outcome, current);
    await nextStage(current.stored.length);
    const value = outcome.type === 'put' ? await fittingBytes(writer, resource, outcome.object) : undefined;
    if (value !== undefined && await isUnchanged(writer, resource, outcome, value, current)) return { entry: current, deleted: false };
    const ownWrite = async (): Promise<Write> => (value === undefined ? { type: 'delete', key: current.key } : putOf(writer, resource, current.key, value));
    const charge = outcome.type === 'put' && mayGrow(resource, outcome.object, current.object) ? { resource, object: outcome.object, old: current.object, isRetry: attempt > 0 } : undefined;
    const result = await writeCharged(writer, charge, async (quota) => (dryRun ? undefined : writer.store.commit({
      compares: [{ key: current.key, revision: current.revision }, ...(companions?.compares ?? []), ...quota.compares],
      writes: [await ownWrite(), ...(companions?.writes ?? []), ...quota.writes],
    })));
    if (result === undefined) {
      const entry = value === undefined ? current : await readable(writer, resource, writer.caches.entry(resource, current.key, value, current.revision));
      return { entry, deleted: value === undefined };
    }
    if (result.committed) {
      return { entry: await readable(writer, resource, writer.caches.entry(resource, current.key, value ?? current.stored, result.revision)), deleted: value === undefined };
    }
    const [newer] = result.current;
    if (newer === undefined) throw notFound(resource, name);
    current = writer.caches.entry(resource, newer.key, newer.value, newer.modRevision);
  }
  throw conflict(resource, name, modified);
}

/** The entry, once it can be looked into. */
export async function readable(writer: Pick<Writer, 'caches'>, resource: Resource, entry: Entry): Promise<Entry> {
  await writer.caches.ready(resource, [entry]);
  return entry;
}

/** Kinds whose changes count, not only their creation: what they ask may grow. */
const growing: ReadonlySet<string> = new Set(['services.', 'persistentvolumeclaims.']);

/** Pods are written at every turn of their lives: only a new wish, by a resize, may ask for more. */
function mayGrow(resource: Resource, object: KubernetesObject, old: KubernetesObject): boolean {
  const key = handlerKey(resource);
  return growing.has(key) || (key === 'pods.' && object.metadata?.generation !== old.metadata?.generation);
}

/** Runs `write` with what quotas have to say. `charge` undefined: nothing. */
export function writeCharged<T>({ quotas }: Pick<Writer, 'quotas'>, charge: Charge | undefined, write: (companions: Companions) => Promise<T>): Promise<T> {
  return quotas === undefined || charge === undefined ? write({ compares: [], writes: [] }) : quotas.charged(charge, write);
}

/** Equal bytes, the times of its owners aside: when these are all that a write would change, there is no write. */
async function isUnchanged(writer: Writer, resource: Resource, outcome: Outcome, value: Buffer, { stored, object: old }: Entry): Promise<boolean> {
  if (value.equals(stored)) return true;
  if (outcome.type !== 'put' || value.length !== stored.length) return false;
  const before = old.metadata?.managedFields;
  if (before === undefined || !isSameButTimes(outcome.object.metadata?.managedFields, before)) return false;
  setEntries(outcome.object, before);
  return (await storedBytes(writer, resource, outcome.object)).equals(stored);
}

function companionsOf(writer: Writer, resource: Resource, outcome: Exclude<Outcome, { type: 'keep' }>, current: Entry): Promise<Companions> | undefined {
  const source = writer.companions?.get(handlerKey(resource));
  return outcome.type === 'put' ? source?.update(outcome.object, current.exact) : source?.remove(current.exact);
}

/** Is `dryRun=All` asked for? Throws 400 for any other value. */
export function isDryRun(query: Readonly<Record<string, string>>): boolean {
  const { dryRun } = query;
  if (dryRun === undefined || dryRun === '') return false;
  if (dryRun !== 'All') throw failure('BadRequest', `dryRun: Unsupported value: ${JSON.stringify(dryRun)}: supported values: "All"`);
  return true;
}
