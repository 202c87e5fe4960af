/**
 * Objects within custom resources (`x-kubernetes-embedded-resource`): whatever their schema says, their type and metadata are those
 * of every object. Source: "RawExtension", CustomResourceDefinitions; wording: the API server's.
 */
import { Path, fieldErrorText, invalid, required, type FieldError } from '../../../machinery/field-path.ts';
import type { ObjectMeta } from '../../../machinery/kinds/kind.ts';
import { validateAnnotations, validateFinalizerNames, validateLabels } from '../../../machinery/labels.ts';
import { dns1035Label, dns1123Label, pathSegment } from '../../../machinery/names.ts';
import { createDecoder } from '../../schema/walk/decode.ts';
import { DecodeProblem } from '../../schema/walk/problem.ts';
import { objectMetaSchema } from './object-schema.ts';
import { isObject, type Structural } from './structural.ts';

const decoder = createDecoder();
const root = new Path();

/** Reads what a client sent, in place. Gives the paths of what metadata doesn't have, sorted. Throws `DecodeProblem` for what has another type. */
export function readEmbedded(object: unknown, schema: Structural): readonly string[] {
  const unknown: string[] = [];
  forEachEmbedded(object, schema, root, (one, path) => {
    for (const name of ['apiVersion', 'kind'] as const) if (one[name] !== undefined && typeof one[name] !== 'string') throw new DecodeProblem(fieldErrorText(invalid(path.child(name), one[name], 'must be a string')));
    if (one['metadata'] === undefined) return;
    try {
      const read = decoder.decode(objectMetaSchema(), one['metadata'] ?? {});
      one['metadata'] = read.object;
      unknown.push(...read.unknown.map((name) => `${path.toString()}.metadata.${name}`));
    } catch (error) {
      throw error instanceof DecodeProblem ? new DecodeProblem(fieldErrorText(invalid(path.child('metadata'), one['metadata'], error.message)), { cause: error }) : error;
    }
  });
  return unknown.toSorted();
}

/** Reads what is stored, in place: what doesn't fit was written under another schema, and isn't shown. */
export function mendEmbedded(object: unknown, schema: Structural): void {
  forEachEmbedded(object, schema, root, (one) => {
    for (const name of ['apiVersion', 'kind'] as const) if (typeof one[name] !== 'string') Reflect.deleteProperty(one, name);
    if (isObject(one['metadata'])) one['metadata'] = Object.assign({}, ...Object.entries(one['metadata']).map(([name, value]) => fitting(name, value)));
  });
}

function fitting(name: string, value: unknown): Readonly<Record<string, unknown>> {
  try {
    return decoder.decode(objectMetaSchema(), { [name]: value }).object;
  } catch (error) {
    if (error instanceof DecodeProblem) return {};
    throw error;
  }
}

export function validateEmbedded(value: unknown, schema: Structural, path: Path): FieldError[] {
  const errors: FieldError[] = [];
  forEachEmbedded(value, schema, path, (one, where) => { errors.push(...problemsOf(one, where)); });
  return errors;
}

function problemsOf({ apiVersion, kind, metadata }: Readonly<Record<string, unknown>>, path: Path): FieldError[] {
  return [
    ...textProblems(apiVersion, path.child('apiVersion'), (text) => (text.split('/').length > 2 ? `unexpected GroupVersion string: ${text}` : undefined)),
    ...textProblems(kind, path.child('kind'), (text) => {
      const spelling = dns1035Label(text.toLowerCase());
      return spelling.length === 0 ? undefined : `may have mixed case, but should otherwise match: ${spelling.join(',')}`;
    }),
    ...(isObject(metadata) ? metadataProblems(metadata, path.child('metadata')) : metadata === undefined ? [] : [invalid(path.child('metadata'), metadata, 'must be an object')]),
  ];
}

function textProblems(value: unknown, path: Path, problem: (text: string) => string | undefined): FieldError[] {
  if (value === undefined) return [required(path)];
  if (typeof value !== 'string') return [invalid(path, value, 'must be a string')];
  const why = value === '' ? 'must not be empty' : problem(value);
  return why === undefined ? [] : [invalid(path, value, why)];
}

/** Reading has seen to the types. */
function metadataProblems(metadata: ObjectMeta, path: Path): FieldError[] {
  const { name = '', namespace = '', labels, annotations, finalizers } = metadata;
  return [
    ...pathSegment(name).map((message) => invalid(path.child('name'), name, message)),
    ...(namespace === '' ? [] : dns1123Label(namespace).map((message) => invalid(path.child('namespace'), namespace, message))),
    ...validateLabels(labels, path.child('labels')), ...validateAnnotations(annotations, path.child('annotations')), ...validateFinalizerNames(finalizers, path.child('finalizers')),
  ];
}

type Visit = (object: Record<string, unknown>, path: Path) => void;

function forEachEmbedded(value: unknown, schema: Structural, path: Path, visit: Visit): void {
  if (!holdsEmbedded(schema)) return;
  const { items, properties, additional } = schema;
  if (Array.isArray(value)) {
    if (items !== undefined) for (const [index, item] of value.entries()) forEachEmbedded(item, items, path.index(index), visit);
    return;
  }
  if (!isObject(value)) return;
  // A copy of the request, or of what is stored, is read in place.
  if (schema.embedded) visit(value, path);
  for (const [key, one] of Object.entries(value)) {
    const known = properties.get(key);
    if (known !== undefined) forEachEmbedded(one, known, path.child(key), visit);
    else if (additional !== undefined && additional !== true) forEachEmbedded(one, additional, path.key(key), visit);
  }
}

/** Few schemas have any: the objects of the others aren't walked. */
const known = new WeakMap<Structural, boolean>();

function holdsEmbedded(schema: Structural): boolean {
  const before = known.get(schema);
  if (before !== undefined) return before;
  const { embedded, items, properties, additional } = schema;
  const holds = embedded || (items !== undefined && holdsEmbedded(items)) || (additional !== undefined && additional !== true && holdsEmbedded(additional))
    || Iterator.from(properties.values()).some(holdsEmbedded);
  known.set(schema, holds);
  return holds;
}
