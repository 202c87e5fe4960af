import { define, type FunctionTable } from '../../../machinery/cel/functions.ts';
import { kubernetesLibrary } from '../../../machinery/cel/library/all.ts';
import { dyn, object, string, type ObjectType } from '../../../machinery/cel/types.ts';
import { ListValue, ObjectValue, type Value } from '../../../machinery/cel/values.ts';

/** What expressions of mutating policies may make: `Object{spec: Object.spec{…}}`, `JSONPatch{op: …}`. Source: "Mutating admission policy". */

const jsonPatchType = object('JSONPatch', { op: string, path: string, from: string, value: dyn });

/** Types of objects have every field; which ones there are, the schema says when the configuration is applied. */
export function mutationStructs(name: string): ObjectType | undefined {
  if (name === 'JSONPatch') return jsonPatchType;
  if (name !== 'Object' && !name.startsWith('Object.')) return undefined;
  return { kind: 'object', name, field: () => dyn, fieldNames: () => [] };
}

export const mutationLibrary: FunctionTable = new Map([
  ...kubernetesLibrary,
  ['jsonpatch.escapeKey', [define('jsonpatch.escapeKey(string): string', (key: string) => key.replaceAll('~', '~0').replaceAll('/', '~1'))]],
]);

/** The first object whose type is not named after its place: `Object.spec` belongs under `spec`. Undefined: all are. */
export function misnamed(value: Value, place = 'Object'): string | undefined {
  if (value instanceof ListValue) {
    for (const item of value) {
      const found = misnamed(item, place);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  if (!(value instanceof ObjectValue)) return undefined;
  if (value.type.name !== place) return `unexpected type name "${value.type.name}", expected "${place}", which matches field name path from root Object type`;
  for (const name of value.names()) {
    const found = misnamed(value.get(name) ?? null, `${place}.${name}`);
    if (found !== undefined) return found;
  }
  return undefined;
}
