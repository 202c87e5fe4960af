import { definitions, kinds } from '../../generated/schema.js';
import type { Kind } from '../../machinery/kinds/kind.ts';
import type { Field, ListSchema, ObjectSchema, ScalarSchema, Schema } from '../../machinery/schema.ts';

/**
 * The typed schema of Kubernetes' own kinds, as set-up generated it. A definition is parsed when it is first asked for, and its
 * fields when they are first walked: a server starts without either.
 */

/** One field as `setup/generate-schema.mjs` writes it. `type`: a scalar, a definition's name, `[T]` or `{T}`. */
interface WrittenField extends Omit<Field, 'schema' | 'description'> {
  readonly name: string;
  readonly type: string;
  readonly listType?: 'atomic' | 'set' | 'map';
  readonly mapKeys?: readonly string[];
}

interface WrittenDefinition extends Pick<ObjectSchema, 'kind' | 'mapType'> {
  readonly fields: readonly WrittenField[];
}

type GroupVersionKind = Pick<Kind, 'group' | 'version' | 'kind'>;

const parsed = new Map<string, ObjectSchema>();
const scalars = new Map<string, ScalarSchema>();

/** The definition of that OpenAPI name; undefined when set-up generated none. */
export function definitionOf(name: string): ObjectSchema | undefined {
  const known = parsed.get(name);
  if (known !== undefined) return known;
  const text = Object.hasOwn(definitions, name) ? definitions[name] : undefined;
  if (text === undefined) return undefined;
  const schema = objectSchema(name, text);
  parsed.set(name, schema);
  return schema;
}

/** Is it one of Kubernetes' stable kinds? */
export function isBuiltin({ group, version, kind }: GroupVersionKind): boolean {
  return Object.hasOwn(kinds, `${group}/${version}/${kind}`);
}

/** The schema of a built-in kind. Throws when there is none: a kind that the server serves must have one. */
export function schemaOf({ group, version, kind }: GroupVersionKind): ObjectSchema {
  const key = `${group}/${version}/${kind}`;
  const schema = Object.hasOwn(kinds, key) ? definitionOf(kinds[key] ?? '') : undefined;
  if (schema === undefined) throw new Error(`no schema was generated for ${key}: add it to setup/tables/definitions.mjs`);
  return schema;
}

const apiextensions = 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps';
const schemasOrOther: ReadonlySet<string | undefined> = new Set([`${apiextensions}OrBool`, `${apiextensions}OrArray`, `${apiextensions}OrStringArray`]);

/** What an opaque definition's objects are: schemas within schemas may also be booleans or lists, which no definition can say. */
export function insideOf({ name }: ScalarSchema): ObjectSchema | undefined {
  return schemasOrOther.has(name) ? definitionOf(apiextensions) : undefined;
}

function objectSchema(name: string, text: string): ObjectSchema {
  // Set-up wrote the text.
  const { fields, ...rest } = JSON.parse(text) as WrittenDefinition;
  let built: ObjectSchema['fields'] | undefined;
  return {
    type: 'object', name, ...rest,
    get fields() {
      return (built ??= Object.fromEntries(fields.map((field) => [field.name, fieldOf(field)])));
    },
  };
}

function fieldOf({ name: _name, type, listType, mapKeys, ...rest }: WrittenField): Field {
  const schema = typeOf(type);
  if (schema.type === 'list') return { schema: listOf(schema, listType, mapKeys), ...rest };
  return { schema: schema.type === 'bytes' && listType === 'atomic' ? { ...schema, listType } : schema, ...rest };
}

function listOf(schema: ListSchema, listType: WrittenField['listType'], mapKeys: WrittenField['mapKeys']): ListSchema {
  return { ...schema, ...(listType === undefined ? {} : { listType }), ...(mapKeys === undefined ? {} : { mapKeys }) };
}

function typeOf(type: string): Schema {
  if (type.startsWith('[')) return { type: 'list', items: typeOf(type.slice(1, -1)) };
  if (type.startsWith('{')) return { type: 'map', values: typeOf(type.slice(1, -1)) };
  return definitionOf(type) ?? scalarOf(type);
}

function scalarOf(type: string): ScalarSchema {
  const known = scalars.get(type);
  if (known !== undefined) return known;
  const [scalar = '', name] = type.split(':');
  const schema = { type: scalar as ScalarSchema['type'], ...(name === undefined ? {} : { name }) };
  scalars.set(type, schema);
  return schema;
}
