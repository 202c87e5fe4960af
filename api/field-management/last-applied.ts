import { apiVersionOf, type KubernetesObject } from '../../machinery/kinds/kind.ts';
import type { Draft } from '../../machinery/kinds/wire.ts';
import { isObject, type JsonObject } from '../../machinery/patch/json-value.ts';
import { configProblems } from '../../machinery/patch/structured/check.ts';
import { compare } from '../../machinery/patch/structured/compare.ts';
import { fieldsIn } from '../../machinery/patch/structured/extract.ts';
import { difference, noFields, type FieldSet } from '../../machinery/patch/structured/field-set.ts';
import { rootShape } from '../../machinery/patch/structured/shape.ts';
import type { Resource } from '../resources/define.ts';
import { stringifyExact } from '../schema/json-exact.ts';
import { mergeSchema } from './forms.ts';

/**
 * Objects that kubectl applied on its own side, before it applies them on the server's: the annotation in which it noted what it
 * applied says which fields are its. Source: "Server-Side Apply", upgrading from client-side apply.
 */

/** kubectl apply keeps the whole object here. */
export const lastAppliedAnnotation = 'kubectl.kubernetes.io/last-applied-configuration';

/** Who may take what the annotation speaks of, and who keeps it up. */
export const lastAppliedManager = 'kubectl';

/** The fields of the annotation that the object still has as they were applied. */
export function lastAppliedFields(resource: Resource, live: KubernetesObject): FieldSet {
  const config = parsed(live.metadata?.annotations?.[lastAppliedAnnotation]);
  if (config === undefined || config['apiVersion'] !== apiVersionOf(resource) || configProblems(mergeSchema(resource), config).length > 0) return noFields;
  const shape = rootShape(mergeSchema(resource));
  const { added, modified, removed } = compare(shape, config, live as JsonObject);
  return [modified, added, removed].reduce(difference, fieldsIn(shape, config));
}

function parsed(text: string | undefined): JsonObject | undefined {
  if (text === undefined || text === '') return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    // Anybody may write annotations: one that is no JSON says nothing.
    return undefined;
  }
}

/** Puts `config` into the annotation of an object that has one. */
export function noteLastApplied(object: Draft<KubernetesObject>, config: JsonObject): void {
  const annotations = object.metadata?.annotations;
  if (annotations === undefined || (annotations[lastAppliedAnnotation] ?? '') === '') return;
  const metadata = isObject(config['metadata']) ? config['metadata'] : {};
  const { [lastAppliedAnnotation]: _own, ...others } = isObject(metadata['annotations']) ? metadata['annotations'] : {};
  const { annotations: _annotations, ...rest } = metadata;
  const noted = { ...config, metadata: { ...rest, ...(Object.keys(others).length === 0 ? {} : { annotations: others }) } };
  annotations[lastAppliedAnnotation] = `${stringifyExact(sorted(noted))}\n`;
}

/** As Go writes it. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  return isObject(value) ? Object.fromEntries(Object.keys(value).toSorted().map((key) => [key, sorted(value[key])])) : value;
}
