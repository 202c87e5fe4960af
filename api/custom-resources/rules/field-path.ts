import { Path } from '../../../machinery/field-path.ts';
import type { Structural } from '../schema/structural.ts';

/**
 * The path of a field below a value of this schema, written `.name` and `['other.name']`; undefined: there is no such field. Fields
 * are named, values of maps are bracketed. Source: "Field paths", Validation rules.
 */
export function fieldPathOf(text: string, schema: Structural): Path | undefined {
  let path = new Path();
  let at: Structural | true | undefined = schema;
  let read = 0;
  for (const match of text.matchAll(/\.([^.[\]]+)|\['((?:[^'\\]|\\.)*)'\]/gs)) {
    if (match.index !== read || at === undefined || at === true) return undefined;
    read += match[0].length;
    const name: string = match[1] ?? (match[2] ?? '').replaceAll(/\\(.)/gs, '$1');
    const isField: boolean = at.properties.size > 0;
    path = isField ? path.child(name) : path.key(name);
    at = isField ? at.properties.get(name) : at.additional;
  }
  return read === text.length && at !== undefined ? path : undefined;
}
