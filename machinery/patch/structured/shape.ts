import type { Field, ListSchema, ObjectSchema, Schema } from '../../schema.ts';

/**
 * How a kind's objects merge: what the schema says about it, arranged for walking. A leaf is replaced as a whole and owned as a
 * whole: scalars, and lists, maps and structs that are atomic. Source: "Server-Side Apply", merge strategy.
 */
export type Shape = LeafShape | StructShape | MapShape | ListShape;

export interface LeafShape {
  readonly type: 'leaf';
}

export interface StructShape {
  readonly type: 'struct';
  /** By name. */
  readonly fields: ReadonlyMap<string, FieldShape>;
  /** Has it fields beyond these, of which nothing is known? */
  readonly isOpen: boolean;
}

/** Keys of all names, each owned by itself. */
export interface MapShape {
  readonly type: 'map';
  readonly values: Shape;
  /** Nothing is known of the values: those that are objects are maps like this one, all others are leaves. */
  readonly isDeduced?: true;
}

/** A list that merges item by item. */
export interface ListShape {
  readonly type: 'list';
  readonly items: Shape;
  /** What identifies an item, by name; absent: a set, whose items identify themselves. */
  readonly keys: readonly KeyField[] | undefined;
}

export interface KeyField {
  readonly name: string;
  /** `"name":`. */
  readonly label: string;
  /** What an item without the field has; undefined: nothing. */
  readonly missing: unknown;
}

export interface FieldShape {
  /** `f:name`. */
  readonly element: string;
  readonly shape: Shape;
  /** Kubernetes' own types have the field even when it is empty: an absent one is empty, and nobody adds it. */
  readonly isHeld: boolean;
  /** Nobody owns it. */
  readonly isUntracked: boolean;
  /** Is it like a map's key, owned itself whatever it holds? */
  readonly isKey: boolean;
}

const leaf: LeafShape = { type: 'leaf' };

/** For values of which nothing is known. */
const deducedMap: MapShape = { type: 'map', get values() { return deducedMap; }, isDeduced: true };

/** What the server alone decides, or what says which object it is. Source: managed fields of kube-apiserver, as observed. */
const untracked: ReadonlySet<string> = new Set(['name', 'namespace', 'creationTimestamp', 'selfLink', 'uid', 'generation', 'managedFields', 'resourceVersion']);

const roots = new WeakMap<ObjectSchema, StructShape>();
const structs = new WeakMap<ObjectSchema, StructShape>();

/** The shape of whole objects of a kind. */
export function rootShape(schema: ObjectSchema): StructShape {
  let known = roots.get(schema);
  if (known === undefined) {
    const fields = new Map(fieldsOf(schema));
    for (const name of ['apiVersion', 'kind']) fields.set(name, { ...field(name, leaf), isUntracked: true });
    const metadata = schema.fields['metadata']?.schema;
    if (metadata?.type === 'object') fields.set('metadata', { ...field('metadata', metadataShape(metadata)), isHeld: true });
    known = { type: 'struct', fields, isOpen: schema.preservesUnknown === true };
    roots.set(schema, known);
  }
  return known;
}

function metadataShape(schema: ObjectSchema): StructShape {
  return { type: 'struct', isOpen: false, fields: new Map([...fieldsOf(schema)].map(([name, one]) => [name, { ...one, isUntracked: untracked.has(name) }])) };
}

/** The shape of a value of which nothing is known. */
function deducedShape(value: unknown): Shape {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? deducedMap : leaf;
}

/** `shape`, or what the value at hand shows where nothing is known of it. */
export function shapeFor(shape: Shape, value: unknown): Shape {
  return shape.type === 'map' && shape.isDeduced === true ? deducedShape(value) : shape;
}

function structShape(schema: ObjectSchema): StructShape {
  let known = structs.get(schema);
  if (known === undefined) {
    let fields: StructShape['fields'] | undefined;
    // Arranged at the first value: schemas are recursive, and most of their definitions are never met.
    known = { type: 'struct', isOpen: schema.preservesUnknown === true, get fields() { return (fields ??= fieldsOf(schema)); } };
    structs.set(schema, known);
  }
  return known;
}

function fieldsOf(schema: ObjectSchema): ReadonlyMap<string, FieldShape> {
  return new Map(Object.entries(schema.fields).map(([name, one]) => [name, {
    ...field(name, fieldShape(one)), isHeld: one.presence === 'always' || (one.required === true && one.presence === undefined),
  }]));
}

function field(name: string, shape: Shape): FieldShape {
  return { element: `f:${name}`, shape, isHeld: false, isUntracked: false, isKey: false };
}

/** A struct's field; undefined: it has none of that name. */
export function fieldAt({ fields, isOpen }: StructShape, name: string): FieldShape | undefined {
  return fields.get(name) ?? (isOpen ? { ...field(name, deducedMap), isKey: true } : undefined);
}

function fieldShape({ schema, mapType }: Field): Shape {
  if (mapType === 'atomic') return leaf;
  return schema.type === 'object' && mapType === 'granular' ? structShape(schema) : shapeOf(schema);
}

/** The shape of a value of that schema. */
export function shapeOf(schema: Schema): Shape {
  switch (schema.type) {
    case 'object': return schema.mapType === 'atomic' ? leaf : structShape(schema);
    case 'map': return { type: 'map', values: shapeOf(schema.values) };
    case 'list': return listShape(schema) ?? leaf;
    case 'any': return schema.name?.endsWith('.RawExtension') === true ? deducedMap : leaf;
    default: return leaf;
  }
}

/** Undefined: an atomic list. */
export function listShape(schema: ListSchema): ListShape | undefined {
  const { listType, items, mapKeys } = schema;
  if (listType === 'set') return { type: 'list', items: leaf, keys: undefined };
  if (listType !== 'map') return undefined;
  const keys = (mapKeys ?? []).toSorted().map((name) => ({ name, label: `${JSON.stringify(name)}:`, missing: items.type === 'object' ? missingKey(items.fields[name]) : undefined }));
  return { type: 'list', items: shapeOf(items), keys };
}

const zeros: Readonly<Partial<Record<Schema['type'], unknown>>> = { string: '', int32: 0, int64: 0, double: 0, boolean: false };

/** The default, else the zero of a required field. */
function missingKey(key: Field | undefined): unknown {
  return key?.default ?? (key?.required === true ? zeros[key.schema.type] : undefined);
}
