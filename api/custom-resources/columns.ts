import type { KubernetesObject } from '../../machinery/kinds/kind.ts';
import { findJsonPath } from '../../machinery/jsonpath/find.ts';
import { parseJsonPath } from '../../machinery/jsonpath/parse.ts';
import type { PrinterColumn } from '../../machinery/kinds/apiextensions.ts';
import { stringifyExact } from '../schema/json-exact.ts';
import { age, name, since, type Column } from '../resources/define.ts';

/** The columns of `kubectl get` that a definition asks for; only the age when it asks for none. Source: "Additional printer columns". */
export function columnsOf(printed: readonly PrinterColumn[] | undefined): readonly Column<KubernetesObject>[] {
  return printed === undefined || printed.length === 0 ? [name(), age()] : [name(), ...printed.map(columnOf)];
}

const types = ['integer', 'number', 'boolean', 'date'] as const;

function columnOf({ name: title, type, format, description, priority, jsonPath }: PrinterColumn): Column<KubernetesObject> {
  const path = parseJsonPath(jsonPath);
  const known = types.find((one) => one === type) ?? 'string';
  return {
    name: title, type: known, ...(format === undefined ? {} : { format }), priority: priority ?? 0,
    description: description === undefined || description === '' ? `Custom resource definition column (in JSONPath format): ${jsonPath}` : description,
    ...(known === 'date' ? { timed: true } : {}),
    cell: (object, now) => cellOf(findJsonPath(object, path)[0], known, now),
  };
}

/** A value of another type than the column's shows nothing. */
function cellOf(value: unknown, type: Column<KubernetesObject>['type'], now: number): string | number | boolean | null {
  switch (type) {
    case 'integer': return typeof value === 'number' || typeof value === 'bigint' ? Math.trunc(Number(value)) : null;
    case 'number': return typeof value === 'number' ? value : null;
    case 'boolean': return typeof value === 'boolean' ? value : null;
    case 'date': return typeof value === 'string' ? elapsed(value, now) : null;
    case 'string': return value === undefined || value === null ? null : typeof value === 'string' ? value : stringifyExact(value);
  }
}

function elapsed(timestamp: string, now: number): string {
  return Number.isNaN(Date.parse(timestamp)) ? '<invalid>' : since(timestamp, now);
}
