import type { Schema } from '../../../machinery/schema.ts';

/**
 * What is wrong with a value, in the words of the decoder that Kubernetes uses (Go's JSON package as adapted in
 * sigs.k8s.io/json): clients and people know these.
 */
export class DecodeProblem extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'DecodeProblem';
  }
}

/** The value holds more than can be stored. */
export class TooLargeProblem extends Error {
  constructor() {
    super('etcdserver: request is too large');
    this.name = 'TooLargeProblem';
  }
}

/** The steps from the root to a value: fields and positions, and the keys of maps, which start with `mapKey`. */
export type Steps = readonly (string | number)[];

/** Cannot begin a field's name. */
export const mapKey = '\0';

/** `spec.containers[0].resources.limits.cpu`: how unknown and duplicate fields are named. */
export function pathText(steps: Steps): string {
  let text = '';
  for (const step of steps) {
    if (typeof step === 'number') text += `[${step}]`;
    else text += `${text === '' ? '' : '.'}${step.startsWith(mapKey) ? step.slice(1) : step}`;
  }
  return text;
}

/** A value of the wrong type. `owner` is the definition whose field holds it: `io.k8s.api.apps.v1.DeploymentSpec`. */
export function mismatch(value: unknown, schema: Schema, owner: string, steps: Steps): DecodeProblem {
  const fields = steps.filter((step) => typeof step === 'string' && !step.startsWith(mapKey)).join('.');
  const place = owner === '' ? 'Go value' : `Go struct field ${owner.slice(owner.lastIndexOf('.') + 1)}.${fields}`;
  return new DecodeProblem(`json: cannot unmarshal ${described(value, schema)} into ${place} of type ${goType(schema)}`);
}

/** A value that the type reads by itself refused, without naming the field. */
export function mismatchWithin(value: unknown, type: string): DecodeProblem {
  return new DecodeProblem(`json: cannot unmarshal ${described(value)} into Go value of type ${type}`);
}

function described(value: unknown, schema?: Schema): string {
  if (Array.isArray(value)) return 'array';
  switch (typeof value) {
    case 'string': return 'string';
    case 'boolean': return 'bool';
    case 'number': case 'bigint': return schema?.type === 'int32' || schema?.type === 'int64' ? `number ${value}` : 'number';
    default: return 'object';
  }
}

const goScalars: Readonly<Partial<Record<Schema['type'], string>>> = { double: 'float64', boolean: 'bool', bytes: '[]uint8', time: 'v1.Time', 'micro-time': 'v1.MicroTime' };

function goType(schema: Schema): string {
  switch (schema.type) {
    case 'object': return schema.name.split('.').slice(-2).join('.');
    case 'list': return `[]${goType(schema.items)}`;
    case 'map': return `map[string]${goType(schema.values)}`;
    default: return goScalars[schema.type] ?? schema.type;
  }
}
