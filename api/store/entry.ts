/** One version of one object as bytes, with the little that is known about it without parsing. */
import { keptBytes } from '../../machinery/kept-bytes.ts';
import { apiVersionOf, type KubernetesObject } from '../../machinery/kinds/kind.ts';
import type { Draft } from '../../machinery/kinds/wire.ts';
import type { Resource } from '../resources/define.ts';
import { mayBeLong, parseTrusted } from '../schema/json-exact.ts';
import type { Entry, Form } from './cache.ts';
import { readWithOwners } from './managed-fields.ts';
import { member, metadataSpan, type Span } from './metadata-scan.ts';
import type { Revision } from './store.ts';

/** What the entries of one resource share. */
export interface EntryShape<T extends KubernetesObject = KubernetesObject> {
  readonly resource: Resource<T>;
  /** `/registry/<group>/<resource>/`. */
  readonly prefix: string;
  /** `{"kind":…,"apiVersion":…,"metadata":` as the encoder writes it. */
  readonly opening: Buffer;
  /** Freezes parsed objects, so that tests find whoever changes them. */
  readonly freeze: boolean;
  /** Names of the resource's own selectable fields, in the order in which entries keep their values. */
  readonly fields: readonly string[];
  /** Told when an object was parsed for its fields only, so that it can be released at the end of the tick. */
  readonly onParsed: (entry: CacheEntry) => void;
  /** Canonical JSON without `resourceVersion`: of objects that are served in another form than they are stored in. */
  readonly encode: Encode;
  readonly encodeProtobuf: EncodeProtobuf;
}

export type Encode = (resource: Resource, object: KubernetesObject) => Buffer;
/** The message of a kind, without envelope. Throws when the kind has none. */
export type EncodeProtobuf = (apiVersion: string, kind: string, object: KubernetesObject) => Buffer;

/** An entry, and what only the cache may do with it. */
export interface CacheEntry<T extends KubernetesObject = KubernetesObject> extends Entry<T> {
  /** Lets go of an object that was parsed for its fields only: bytes cost the collector nothing, objects do. */
  release(): void;
  /** The stored object, as long as it must be converted by somebody else before this entry can be looked into. */
  unconverted(): KubernetesObject | undefined;
  /** Takes what that conversion made of it. */
  convert(object: Draft<KubernetesObject>): void;
}

export function entryShape<T extends KubernetesObject>(resource: Resource<T>, common: Pick<EntryShape, 'freeze' | 'onParsed' | 'encode' | 'encodeProtobuf'>): EntryShape<T> {
  const opening = `{"kind":${JSON.stringify(resource.kind)},"apiVersion":${JSON.stringify(apiVersionOf(resource))},"metadata":`;
  return { resource, prefix: prefixOf(resource), opening: Buffer.from(opening), fields: Object.keys(resource.fields), ...common };
}

/** `/registry/<group>/<resource>/` of where the resource is stored; the core group is `core`. */
export function prefixOf(resource: Pick<Resource, 'group' | 'plural' | 'storedAs'>): string {
  const { group, plural } = resource.storedAs?.resource ?? resource;
  return `/registry/${group === '' ? 'core' : group}/${plural}/`;
}

export function createEntry<T extends KubernetesObject>(shape: EntryShape<T>, key: string, stored: Buffer, revision: Revision): CacheEntry<T> {
  return new StoredEntry(shape, key, stored, revision);
}

const partialOpening = Buffer.from('{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":');
const closeBrace = 0x7d;

/** What a dry run makes was never stored, and has no `resourceVersion`. */
const unstored: Revision = 0;

/** A class, because a hundred thousand of these must share their methods. */
class StoredEntry<T extends KubernetesObject> implements CacheEntry<T> {
  readonly key: string;
  readonly namespace: string;
  readonly name: string;
  readonly revision: Revision;
  readonly stored: Buffer;
  readonly #shape: EntryShape<T>;
  #metadata: Span | undefined;
  #uid: string | undefined;
  #labels: Readonly<Record<string, string>> | undefined;
  #fields: readonly string[] | undefined;
  #served: Buffer | undefined;
  #json: Buffer | undefined;
  #partial: Buffer | undefined;
  #protobuf: Buffer | undefined;
  #partialProtobuf: Buffer | undefined;
  #object: T | undefined;
  #isLong: boolean | undefined;
  #isShared = false;

  constructor(shape: EntryShape<T>, key: string, stored: Buffer, revision: Revision) {
    const slash = shape.resource.scope === 'Namespaced' ? key.indexOf('/', shape.prefix.length) : -1;
    this.key = key;
    this.namespace = slash < 0 ? '' : key.slice(shape.prefix.length, slash);
    this.name = key.slice(slash < 0 ? shape.prefix.length : slash + 1);
    this.revision = revision;
    this.stored = stored;
    this.#shape = shape;
  }

  get uid(): string {
    return (this.#uid ??= this.#member<string>('uid') ?? '');
  }

  get labels(): Readonly<Record<string, string>> {
    return (this.#labels ??= this.#member<Record<string, string>>('labels') ?? noLabels);
  }

  field(name: string): string | undefined {
    if (name === 'metadata.name') return this.name;
    if (name === 'metadata.namespace') return this.namespace;
    const index = this.#shape.fields.indexOf(name);
    return index < 0 ? undefined : (this.#fields ??= this.#fieldValues())[index];
  }

  encoded(form: Form): Buffer {
    switch (form) {
      case 'json': return (this.#json ??= this.#encodeWhole());
      case 'metadata': return (this.#partial ??= this.#encodePartial());
      case 'protobuf': return (this.#protobuf ??= this.#encodeMessage(apiVersionOf(this.#shape.resource), this.#shape.resource.kind));
      case 'protobuf-metadata': return (this.#partialProtobuf ??= this.#encodeMessage('meta.k8s.io/v1', 'PartialObjectMetadata'));
    }
  }

  get object(): T {
    this.#isShared = true;
    return this.#parsed();
  }

  get exact(): T {
    return this.#mayBeLong() ? this.#read(parseTrusted) : this.object;
  }

  #mayBeLong(): boolean {
    return (this.#isLong ??= mayBeLong(this.stored.toString('latin1')));
  }

  release(): void {
    if (!this.#isShared) this.#object = undefined;
  }

  unconverted(): KubernetesObject | undefined {
    if (this.#served !== undefined || !this.#isForeign()) return undefined;
    return parseTrusted(this.stored.toString()) as KubernetesObject;
  }

  convert(object: Draft<KubernetesObject>): void {
    const { resource, encode } = this.#shape;
    this.#served = encode(resource, object);
  }

  /** Was it stored in a version from which only somebody else can convert? */
  #isForeign(): boolean {
    if (this.#shape.resource.storedAs?.remote === undefined) return false;
    const span = member(this.stored, 0, 'apiVersion');
    return span !== undefined && this.stored.toString('utf8', span.start + 1, span.end - 1) !== apiVersionOf(this.#shape.resource);
  }

  #parsed(): T {
    return (this.#object ??= this.#read(JSON.parse));
  }

  #read(read: (text: string) => unknown): T {
    if (!this.#isForeign()) return parse(this.stored, this.revision, this.#shape, read);
    if (this.#served === undefined) throw new Error(`${this.key} was looked into before it was converted`);
    return withRevision(read(this.#served.toString()) as Draft<T>, this.revision, this.#shape);
  }

  /** The bytes in the form that is served, still without `resourceVersion`. */
  #bytes(): Buffer {
    const { resource, encode, onParsed } = this.#shape;
    if (resource.storedAs === undefined) return this.stored;
    if (this.#served === undefined) {
      this.#served = encode(resource, this.#mayBeLong() ? this.exact : this.#parsed());
      if (!this.#isShared) onParsed(this);
    }
    return this.#served;
  }

  #encodeMessage(apiVersion: string, kind: string): Buffer {
    return this.#shape.encodeProtobuf(apiVersion, kind, this.#mayBeLong() ? this.exact : this.#lent());
  }

  /** Parsed for a moment only, unless somebody holds it anyway. */
  #lent(): T {
    const object = this.#parsed();
    if (!this.#isShared) this.#shape.onParsed(this);
    return object;
  }

  #fieldValues(): readonly string[] {
    const object = this.#lent();
    return this.#shape.fields.map((name) => this.#shape.resource.fields[name]?.(object) ?? '');
  }

  #span(): Span {
    return (this.#metadata ??= metadataSpan(this.stored) ?? missingMetadata(this.key));
  }

  /** Where metadata is in the form that is served. */
  #servedSpan(bytes: Buffer): Span {
    return bytes === this.stored ? this.#span() : (metadataSpan(bytes) ?? missingMetadata(this.key));
  }

  /** Trusts the bytes: the server's own encoder wrote them. */
  #member<V>(name: string): V | undefined {
    const span = member(this.stored, this.#span().start, name);
    return span === undefined ? undefined : (JSON.parse(this.stored.toString('utf8', span.start, span.end)) as V);
  }

  #encodeWhole(): Buffer {
    const { opening } = this.#shape;
    const bytes = this.#bytes();
    const isCanonical = bytes.compare(opening, 0, opening.length, 0, opening.length) === 0;
    return this.#spliced(bytes, isCanonical ? opening.length : this.#servedSpan(bytes).start, 0, bytes.length, none);
  }

  #encodePartial(): Buffer {
    const bytes = this.#bytes();
    const { start, end } = this.#servedSpan(bytes);
    return this.#spliced(bytes, start, start, end, partialOpening, closeBrace);
  }

  /** `head`, then `bytes` [`from`, `to`) with `resourceVersion` first in the metadata that begins at `metadata`. */
  #spliced(bytes: Buffer, metadata: number, from: number, to: number, head: Buffer, tail?: number): Buffer {
    const isEmpty = bytes[metadata + 1] === closeBrace;
    const version = this.revision === unstored ? '' : `"resourceVersion":"${this.revision}"${isEmpty ? '' : ','}`;
    const length = head.length + (to - from) + version.length + (tail === undefined ? 0 : 1);
    const encoded = keptBytes(length);
    let at = head.copy(encoded);
    at += bytes.copy(encoded, at, from, metadata + 1);
    at += encoded.write(version, at, 'latin1');
    at += bytes.copy(encoded, at, metadata + 1, to);
    if (tail !== undefined) encoded[at] = tail;
    return encoded;
  }
}

const noLabels: Readonly<Record<string, string>> = Object.freeze({});
const none = Buffer.alloc(0);

function parse<T extends KubernetesObject>(stored: Buffer, revision: Revision, shape: EntryShape<T>, read: (text: string) => unknown): T {
  const { resource } = shape;
  // The server's own encoder wrote the bytes.
  const written = readWithOwners(stored, read) as Draft<T>;
  return withRevision(resource.storedAs === undefined ? written : resource.storedAs.fromStored(written), revision, shape);
}

function withRevision<T extends KubernetesObject>(object: Draft<T>, revision: Revision, { freeze }: EntryShape<T>): T {
  if (revision !== unstored) (object.metadata ??= {}).resourceVersion = String(revision);
  if (freeze) deepFreeze(object);
  return object as T;
}

function deepFreeze(value: unknown): void {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return;
  Object.freeze(value);
  for (const each of Object.values(value)) deepFreeze(each);
}

function missingMetadata(key: string): never {
  throw new Error(`the store is damaged: ${key} has no metadata`);
}
