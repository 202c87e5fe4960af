import { apiVersionOf, type Kind, type KubernetesObject } from '../../machinery/kinds/kind.ts';
import type { Draft } from '../../machinery/kinds/wire.ts';
import type { FieldError } from '../../machinery/field-path.ts';
import type { ObjectSchema } from '../../machinery/schema.ts';
import type { Verb } from '../../client/transport.ts';

/** One column of `kubectl get`. `priority` over 0 shows with `-o wide` only. Source: "Receiving resources as Tables", API concepts. */
export interface Column<T> {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'number' | 'boolean' | 'date';
  /** `name` marks the object's name. */
  readonly format?: string;
  readonly description: string;
  readonly priority?: number;
  /** `now` (milliseconds) is given for ages; a column that reads it sets `timed`, so that its cells are not cached. */
  cell(object: T, now: number): string | number | boolean | null;
  readonly timed?: true;
}

/** A subresource as discovery shows it; what it does is in `api/handlers/subresources/`. */
export interface Subresource {
  readonly name: string;
  /** Kind of its body and answer. */
  readonly kind: Pick<Kind, 'group' | 'version' | 'kind'>;
  readonly verbs: readonly Verb[];
}

/** Answers of validation; empty is valid. */
export type Errors = readonly FieldError[];

/**
 * What a kind's file says beyond its address. Everything here is pure. Methods, not function properties: methods are compared
 * bivariantly, so that the `Resource` of one kind is a `Resource` of any.
 */
export interface Strategy<T extends KubernetesObject> {
  /** Fills what the user left out, as Kubernetes' defaulting does; runs on every write, on the decoded object. */
  defaults?(draft: Draft<T>): void;
  /** Clears what a creator may not set (status) and sets what the server decides. Runs before `validate`. */
  prepareForCreate?(draft: Draft<T>): void;
  /** Puts back what an update may not touch. Status is kept by the handlers when `status` is declared. */
  prepareForUpdate?(draft: Draft<T>, old: T): void;
  /** What a new status says of its time. `now` is in milliseconds. */
  prepareForStatusUpdate?(draft: Draft<T>, old: T, now: number): void;
  validate?(object: T): Errors;
  /** Beyond `validate`, on creation only. */
  validateCreate?(object: T): Errors;
  /** Beyond `validate`, on updates only. */
  validateUpdate?(object: T, old: T): Errors;
  /** Writes to `/status`, or to another `subresource` that is a part of the status. Default: nothing beyond metadata. */
  validateStatusUpdate?(object: T, old: T, subresource?: string): Errors;
  /** Warnings for the `Warning` header, of valid objects that are new or of a new generation. `old`: what was there before. */
  warnings?(object: T, old?: T): readonly string[];
  /** Those that only new objects are given. */
  createWarnings?(object: T): readonly string[];
  /** How names are checked: the messages of what is wrong. Default: DNS-1123 subdomain. */
  validateName?(name: string): readonly string[];
}

export interface ScalePaths<T> {
  replicas(object: T): number;
  statusReplicas(object: T): number;
  /** In text form, for `status.selector`. */
  selector(object: T): string;
  setReplicas(draft: Draft<T>, replicas: number): void;
  /** Where the number is; absent: `spec.replicas`. */
  readonly replicasPath?: readonly string[];
}

/** How deletion goes. `graceSeconds` decides the period (0 deletes at once); pods alone wait for their node. */
export interface Deletion<T> {
  graceSeconds?(object: T, asked: number | undefined): number;
  /** Default of `propagationPolicy` when DeleteOptions names none: Background. */
  readonly defaultPropagation?: 'Background' | 'Orphan' | 'Foreground';
  /** Holds the object beyond its metadata's finalizers (a Namespace's `spec.finalizers`). */
  blocked?(object: T): boolean;
  /** What else changes when the deletion begins (a Namespace's phase). */
  begin?(draft: Draft<T>): void;
  /** Said to whoever deletes without naming a `propagationPolicy`. */
  readonly warning?: string;
  /** Is the deleted object the answer, rather than a Status? */
  readonly answersObject?: boolean;
}

/** A field that selectors may name: its value in an object. */
export type SelectableField<T> = { value(object: T): string }['value'];

/** A stored resource of the API: everything that the server needs to know about one kind. One file declares one. */
export interface Resource<T extends KubernetesObject = KubernetesObject> extends Kind<T>, Strategy<T> {
  readonly singular: string;
  readonly listKind: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly verbs: readonly Verb[];
  readonly columns: readonly Column<T>[];
  /** How a table arranges its rows. Absent: as the list is, by namespace and name. */
  readonly rowOrder?: { compare(a: T, b: T): number }['compare'];
  /** Field selectors beyond `metadata.name` and `metadata.namespace`; absent values are ''. */
  readonly fields: Readonly<Record<string, SelectableField<T>>>;
  /** Does `metadata.generation` count changes of the spec? */
  readonly generation: boolean;
  /** Has it a `/status` subresource? Main writes then keep the old `status`, and status writes keep all else. */
  readonly status: boolean;
  readonly scale?: ScalePaths<T>;
  /** Beyond `status` and `scale`. */
  readonly subresources: readonly Subresource[];
  readonly deletion: Deletion<T>;
  /** `false`: only `create`, answered by a handler and never stored (SelfSubjectAccessReview, TokenReview). */
  readonly stored: boolean;
  /** Seconds after the last write at which an object is deleted (Event). */
  readonly ttlSeconds?: number;
  /** A PUT must say which version it replaces. */
  readonly updatesNameVersion?: true;
  /** A write to its status changes no labels, and nothing else of its metadata. */
  readonly statusKeepsMetadata?: true;
  /** Why nothing more is created, though what there is may still be changed: its kind is being deleted. */
  readonly refusesNew?: string;
  /** Said to everybody who uses the kind. */
  readonly deprecation?: string;
  /** Absent: its objects are stored as they are served. */
  readonly storedAs?: StoredForm<T>;
  /** Of a kind that was defined while the server runs. Absent: the kind's generated schema says all that this says. */
  readonly custom?: CustomForm;
}

/** How objects are read and written whose schema nobody generated. */
export interface CustomForm {
  /** What apply and other walks go by. */
  readonly schema: ObjectSchema;
  /** A copy of `value` without the fields that the schema doesn't have, and their paths. Throws `DecodeProblem` for metadata that is none. */
  decode(value: Readonly<Record<string, unknown>>): { readonly object: Record<string, unknown>; readonly unknown: readonly string[] };
  /** Canonical JSON without `resourceVersion`. */
  encode(object: KubernetesObject): Buffer;
}

/**
 * Where the objects of a further version are: under another resource's keys and in its form. Both directions are pure, work on
 * what they may change and keep, and lose nothing: `fromStored(toStored(x))` is x. Those of custom resources lose what one of two versions has no field for.
 */
export interface StoredForm<T extends KubernetesObject> {
  readonly resource: Resource;
  toStored(object: Draft<T>): Draft<KubernetesObject>;
  /** `object` is as it was stored, with the apiVersion of then. */
  fromStored(object: Draft<KubernetesObject>): Draft<T>;
  /** Of versions between which only somebody else can convert: what this version and the stored one are given was converted by it already. */
  readonly remote?: RemoteConversion;
}

export interface RemoteConversion {
  /** The objects in that apiVersion, in order. Throws `ApiError`. */
  convert(objects: readonly KubernetesObject[], apiVersion: string): Promise<readonly Draft<KubernetesObject>[]>;
}

const storedVerbs: readonly Verb[] = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];

export type ResourceOptions<T extends KubernetesObject> = Partial<Omit<Resource<T>, keyof Kind>>;

/**
 * A kind as the server knows it. Whatever `options` leaves out is Kubernetes' usual: all verbs, stored, columns Name and Age.
 * Each kind's file exports one; `all.ts` lists them.
 */
export function defineResource<T extends KubernetesObject>(kind: Kind<T>, options: ResourceOptions<T> = {}): Resource<T> {
  const stored = options.stored ?? true;
  return {
    singular: kind.kind.toLowerCase(),
    listKind: `${kind.kind}List`,
    shortNames: [],
    categories: [],
    verbs: stored ? storedVerbs : ['create'],
    columns: [name(), age()],
    fields: {},
    generation: false,
    status: false,
    subresources: [],
    deletion: {},
    stored,
    ...kind,
    ...options,
  };
}

export interface Conversion<T extends KubernetesObject, S extends KubernetesObject> {
  toStored(object: Draft<T>): Draft<S>;
  fromStored(object: Draft<S>): Draft<T>;
}

/**
 * The same objects in a further group or version: HorizontalPodAutoscaler v1 beside v2, Event of events.k8s.io beside the core
 * group's. The stored resource is declared as ever, by `defineResource`; each further version is one more file with one more line
 * in `all.ts`:
 *
 *     export const horizontalPodAutoscalerV1 = serveAlso(horizontalPodAutoscaler, HorizontalPodAutoscalerV1, { toStored, fromStored }, { columns });
 *
 * Clients of either version see all objects. A request is read, defaulted and validated in its own version and converted last of
 * all. Whatever `options` leaves out is the stored resource's own, asked through the conversion. `kind` and `apiVersion` are set here:
 * conversions needn't.
 */
export function serveAlso<T extends KubernetesObject, S extends KubernetesObject>(
  stored: Resource<S>, kind: Kind<T>, conversion: Conversion<T, S>, options: ResourceOptions<T> = {},
): Resource<T> {
  const convert: Conversion<T, S> = {
    toStored: (object) => ({ ...conversion.toStored(object), kind: stored.kind, apiVersion: apiVersionOf(stored) }),
    fromStored: (object) => ({ ...conversion.fromStored(object), kind: kind.kind, apiVersion: apiVersionOf(kind) }),
  };
  return defineResource<T>(kind, { ...through(stored, convert), storedAs: { resource: stored, ...convert } as StoredForm<T>, ...options });
}

/** All that a kind's file says, said of objects of another version. */
function through<T extends KubernetesObject, S extends KubernetesObject>(stored: Resource<S>, { toStored, fromStored }: Conversion<T, S>): ResourceOptions<T> {
  const of = (object: T): S => toStored(structuredClone(object) as Draft<T>) as S;
  const changed = (draft: Draft<T>, change: (draft: Draft<S>) => void): void => {
    const form = toStored(structuredClone(draft));
    change(form);
    for (const field of Object.keys(draft)) Reflect.deleteProperty(draft, field);
    Object.assign(draft, fromStored(form));
  };
  const { kind: _kind, group: _group, version: _version, plural: _plural, scope: _scope, objectType: _type, storedAs: _storedAs, rowOrder, scale, deletion, ...rest } = stored;
  return {
    ...rest,
    columns: stored.columns.map((column) => ({ ...column, cell: (object: T, now: number) => column.cell(of(object), now) })),
    fields: Object.fromEntries(Object.entries(stored.fields).map(([field, value]) => [field, (object: T) => value(of(object))])),
    defaults: (draft) => { changed(draft, (form) => stored.defaults?.(form)); },
    prepareForCreate: (draft) => { changed(draft, (form) => stored.prepareForCreate?.(form)); },
    prepareForUpdate: (draft, old) => { changed(draft, (form) => stored.prepareForUpdate?.(form, of(old))); },
    prepareForStatusUpdate: (draft, old, now) => { changed(draft, (form) => stored.prepareForStatusUpdate?.(form, of(old), now)); },
    validate: (object) => stored.validate?.(of(object)) ?? [],
    validateCreate: (object) => stored.validateCreate?.(of(object)) ?? [],
    validateUpdate: (object, old) => stored.validateUpdate?.(of(object), of(old)) ?? [],
    validateStatusUpdate: (object, old, subresource) => stored.validateStatusUpdate?.(of(object), of(old), subresource) ?? [],
    warnings: (object, old) => stored.warnings?.(of(object), ...(old === undefined ? [] : [of(old)])) ?? [],
    createWarnings: (object) => stored.createWarnings?.(of(object)) ?? [],
    ...(rowOrder === undefined ? {} : { rowOrder: (a: T, b: T) => rowOrder(of(a), of(b)) }),
    ...(scale === undefined ? {} : { scale: {
      replicas: (object: T) => scale.replicas(of(object)), statusReplicas: (object: T) => scale.statusReplicas(of(object)), selector: (object: T) => scale.selector(of(object)),
      setReplicas: (draft: Draft<T>, replicas: number) => { changed(draft, (form) => { scale.setReplicas(form, replicas); }); },
    } }),
    deletion: {
      ...(deletion.answersObject === undefined ? {} : { answersObject: deletion.answersObject }),
      ...(deletion.defaultPropagation === undefined ? {} : { defaultPropagation: deletion.defaultPropagation }),
      graceSeconds: (object, asked) => deletion.graceSeconds?.(of(object), asked) ?? 0,
      blocked: (object) => deletion.blocked?.(of(object)) ?? false,
      begin: (draft) => { changed(draft, (form) => deletion.begin?.(form)); },
    },
  };
}

/** The Name column that every table starts with. */
export function name<T extends KubernetesObject>(): Column<T> {
  return {
    name: 'Name', type: 'string', format: 'name', cell: (object) => object.metadata?.name ?? '',
    description: 'Unique within its namespace; given by the creator or generated.',
  };
}

/** The Age column: time since creation. */
export function age<T extends KubernetesObject>(): Column<T> {
  return {
    name: 'Age', type: 'string', timed: true, description: 'Time since the object was created.',
    cell: (object, now) => since(object.metadata?.creationTimestamp, now),
  };
}

/** Time between an RFC 3339 timestamp and `now` as kubectl prints it; `<unknown>` without one. */
export function since(timestamp: string | undefined, now: number): string {
  return timestamp === undefined ? '<unknown>' : humanDuration(now - Date.parse(timestamp));
}

/** `95s`, `3m12s`, `5h20m`, `2d4h`, `400d`: two units at most, fewer the longer. Source: apimachinery's duration.HumanDuration, as observed. */
export function humanDuration(milliseconds: number): string {
  const seconds = Math.trunc(milliseconds / 1000);
  if (seconds < -1) return '<invalid>';
  if (seconds < 0) return '0s';
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.trunc(seconds / 60);
  if (minutes < 10) return pair(minutes, 'm', seconds % 60, 's');
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.trunc(minutes / 60);
  if (hours < 8) return pair(hours, 'h', minutes % 60, 'm');
  if (hours < 48) return `${hours}h`;
  const days = Math.trunc(hours / 24);
  if (hours < 192) return pair(days, 'd', hours % 24, 'h');
  if (days < 730) return `${days}d`;
  const years = Math.trunc(days / 365);
  return years < 8 ? pair(years, 'y', days % 365, 'd') : `${years}y`;
}

function pair(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large}${largeUnit}` : `${large}${largeUnit}${small}${smallUnit}`;
}
