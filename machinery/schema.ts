/**
 * The shape of a typed schema node: what strategic merge, apply, the decoder and OpenAPI walk. The nodes themselves are
 * generated at set-up (built-in kinds) or compiled from a CustomResourceDefinition.
 */
export type Schema =
  | ObjectSchema
  | MapSchema
  | ListSchema
  | ScalarSchema;

export interface Field {
  readonly schema: Schema;
  readonly required?: true;
  readonly description?: string;
  /**
   * What becomes of an empty value. `always`: written out ({}, [], '', 0, false), as are required fields; `nonzero`: means absent;
   * `given`: kept when given, whatever `required` says. Absent: empty lists and maps mean absent, all else is kept.
   */
  readonly presence?: 'always' | 'nonzero' | 'given';
  /** All values that a string may have: told in OpenAPI; validation says more about a wrong one. */
  readonly enum?: readonly string[];
  /** `x-kubernetes-map-type` of this field, beyond that of its type. */
  readonly mapType?: 'atomic' | 'granular';
  /** What an absent value means, where merging has to know: it is part of what identifies an item of a list. */
  readonly default?: unknown;
  /** Strategic merge: how this field merges, and by which key if it is a list (`x-kubernetes-patch-*`). */
  readonly patchStrategy?: readonly ('merge' | 'replace' | 'retainKeys')[];
  readonly patchMergeKey?: string;
}

export interface ObjectSchema {
  readonly type: 'object';
  /** OpenAPI definition name: `io.k8s.api.core.v1.Pod`. */
  readonly name: string;
  /** In schema order: the order of the canonical encoding. A getter may build it late: schemas are recursive. */
  readonly fields: Readonly<Record<string, Field>>;
  /**
   * Fields beyond `fields` are kept (`x-kubernetes-preserve-unknown-fields`). Nothing is known of them: apply owns the members of
   * objects one by one, and lists as a whole.
   */
  readonly preservesUnknown?: true;
  /** Of definitions that are kinds. */
  readonly kind?: { readonly group: string; readonly version: string; readonly kind: string };
  readonly mapType?: 'atomic';
  readonly description?: string;
}

export interface MapSchema {
  readonly type: 'map';
  readonly values: Schema;
  readonly description?: string;
}

export interface ListSchema {
  readonly type: 'list';
  readonly items: Schema;
  /** `x-kubernetes-list-type`; absent is atomic. */
  readonly listType?: 'atomic' | 'set' | 'map';
  readonly mapKeys?: readonly string[];
}

export interface ScalarSchema {
  /** `any` holds every JSON value (`runtime.RawExtension`, `JSON`, unstructured). `bytes` is base64 text. */
  readonly type: 'string' | 'int32' | 'int64' | 'double' | 'boolean' | 'int-or-string' | 'quantity' | 'time' | 'micro-time' | 'duration' | 'bytes' | 'any';
  /** OpenAPI definition of an `any`. */
  readonly name?: string;
  readonly description?: string;
  /** Of `bytes`, where Kubernetes' own OpenAPI calls them a list: told there, and nothing else comes of it. */
  readonly listType?: 'atomic';
}
