import { fieldOf, isObject } from '../../machinery/patch/json-value.ts';
import type { Maps } from './openapi-v2-merge.ts';

/**
 * A document of OpenAPI 3 of what a server says in OpenAPI 2 only. Pure. Behaviour: kube-aggregator, which serves such documents for
 * servers without any of version 3; what version 2 doesn't say, the result doesn't either. Throws an Error when it were too large.
 */
export function versionThreeOf({ paths, definitions, parameters }: Maps, title: string): object {
  const shared = (value: unknown): unknown => {
    const reference = isObject(value) ? value['$ref'] : undefined;
    return typeof reference === 'string' ? parameters.get(reference.slice(parameterPrefix.length)) ?? value : value;
  };
  const document = {
    openapi: '3.0.0', info: { title, version: 'unversioned' },
    paths: Object.fromEntries([...paths].map(([path, item]) => [path, pathItem(item, shared)])),
    components: { schemas: Object.fromEntries([...definitions].map(([name, definition]) => [name, schemaOf(definition)])) },
  };
  if (!fits(document, { left: mostCharacters })) throw new Error(`the document of OpenAPI 3 would have more than ${mostCharacters} characters`);
  return document;
}

/** What version 2 says once for many places, for parameters and types of media, version 3 says at each. About as many bytes are written. */
const mostCharacters = 32 * 1024 * 1024;

function fits(value: unknown, room: { left: number }): boolean {
  room.left -= typeof value === 'string' ? value.length : 1;
  if (room.left < 0) return false;
  if (typeof value !== 'object' || value === null) return true;
  return Object.entries(value).every(([key, own]) => {
    room.left -= key.length;
    return fits(own, room);
  });
}

type Json = Readonly<Record<string, unknown>>;
type Shared = (value: unknown) => unknown;

const parameterPrefix = '#/parameters/';
const definitionPrefix = '#/definitions/';
const methods: ReadonlySet<string> = new Set(['get', 'put', 'post', 'delete', 'options', 'head', 'patch']);
/** What version 3 says of an operation in the same words. */
const sameOfOperations: ReadonlySet<string> = new Set(['tags', 'summary', 'description', 'externalDocs', 'operationId', 'deprecated']);
/** What is said beside a parameter's type; all else is the type. */
const besideType: ReadonlySet<string> = new Set(['name', 'in', 'description', 'required', 'allowEmptyValue', 'collectionFormat', 'schema']);

function pathItem(value: unknown, shared: Shared): Json {
  return Object.fromEntries(entriesOf(value).flatMap(([key, own]): [string, unknown][] => {
    if (key === 'parameters') return [[key, listOf(own).map((one) => parameter(shared(one)))]];
    if (methods.has(key)) return [[key, operation(own, shared)]];
    return key.startsWith('x-') ? [[key, own]] : [];
  }));
}

function operation(value: unknown, shared: Shared): Json {
  const [consumes, produces] = [texts(fieldOf(value, 'consumes')), texts(fieldOf(value, 'produces'))];
  const parameters = listOf(fieldOf(value, 'parameters')).map(shared);
  const body = parameters.find((one) => fieldOf(one, 'in') === 'body');
  const others = parameters.filter((one) => one !== body);
  return {
    ...Object.fromEntries(entriesOf(value).filter(([key]) => sameOfOperations.has(key) || key.startsWith('x-'))),
    ...(others.length === 0 ? {} : { parameters: others.map(parameter) }),
    ...(body === undefined ? {} : { requestBody: { ...picked(body, ['description', 'required']), content: contentOf(fieldOf(body, 'schema'), consumes) } }),
    responses: Object.fromEntries(entriesOf(fieldOf(value, 'responses')).map(([code, response]) => [code, code.startsWith('x-') ? response : responseOf(response, produces)])),
  };
}

function responseOf(value: unknown, produces: readonly string[]): Json {
  const schema = fieldOf(value, 'schema');
  return { description: fieldOf(value, 'description') ?? '', ...(schema === undefined ? {} : { content: contentOf(schema, produces) }) };
}

function contentOf(schema: unknown, types: readonly string[]): Json {
  return Object.fromEntries(types.map((type) => [type, { schema: schemaOf(schema) }]));
}

function parameter(value: unknown): Json {
  const schema = fieldOf(value, 'schema');
  const type = entriesOf(value).filter(([key]) => !besideType.has(key) && !key.startsWith('x-'));
  return {
    ...picked(value, ['name', 'in', 'description', 'required', 'allowEmptyValue']),
    ...Object.fromEntries(entriesOf(value).filter(([key]) => key.startsWith('x-'))),
    schema: schemaOf(schema ?? Object.fromEntries(type)),
  };
}

/** References lead elsewhere, and have no neighbours. */
function schemaOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(schemaOf);
  if (!isObject(value)) return value;
  const { $ref: reference, ...rest } = value;
  const own = Object.fromEntries(Object.entries(rest).map(([key, inner]) => [key, key === 'properties' ? propertiesOf(inner) : nested.has(key) ? schemaOf(inner) : inner]));
  if (typeof reference !== 'string') return own;
  const there = { $ref: reference.startsWith(definitionPrefix) ? `#/components/schemas/${reference.slice(definitionPrefix.length)}` : reference };
  return Object.keys(own).length === 0 ? there : { ...own, allOf: [there] };
}

/** Fields of a schema that hold schemas. */
const nested: ReadonlySet<string> = new Set(['items', 'additionalProperties', 'allOf']);

/** A property may have any name, those of a schema's fields too. */
function propertiesOf(value: unknown): Json {
  return Object.fromEntries(entriesOf(value).map(([name, own]) => [name, schemaOf(own)]));
}

function picked(value: unknown, fields: readonly string[]): Json {
  return Object.fromEntries(entriesOf(value).filter(([key]) => fields.includes(key)));
}

function entriesOf(value: unknown): [string, unknown][] {
  return isObject(value) ? Object.entries(value) : [];
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function texts(value: unknown): readonly string[] {
  return listOf(value).filter((one) => typeof one === 'string');
}
