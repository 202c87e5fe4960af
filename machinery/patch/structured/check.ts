import type { ListSchema, Schema } from '../../schema.ts';
import { isList, isObject } from '../json-value.ts';
import { ElementProblem, elementText, itemElement } from './path-element.ts';
import { listShape } from './shape.ts';

/**
 * What keeps a configuration from being applied: values of another type than the schema's, fields that it doesn't have, items of lists
 * that are there twice or can't be told apart. In Kubernetes' words; empty: nothing does. Null is a value of every type.
 */
export function configProblems(schema: Schema, config: unknown): readonly string[] {
  const problems: string[] = [];
  check(schema, config, '', problems);
  return problems;
}

/** As one text. */
export function problemText(problems: readonly string[]): string {
  return problems.length === 1 ? (problems[0] ?? '') : ['errors:', ...problems.map((one) => `  ${one}`)].join('\n');
}

function check(schema: Schema, value: unknown, path: string, problems: string[]): void {
  if (value === null || value === undefined) return;
  const wrong = (text: string): void => void problems.push(path === '' ? text : `${path}: ${text}`);
  switch (schema.type) {
    case 'any': return;
    case 'object': case 'map':
      if (!isObject(value)) return wrong(`expected map, got &{${goText(value)}}`);
      for (const [name, inner] of Object.entries(value)) {
        const field = schema.type === 'map' ? schema.values : Object.hasOwn(schema.fields, name) ? schema.fields[name]?.schema : undefined;
        if (field === undefined && schema.type === 'object' && schema.preservesUnknown === true) continue;
        if (field === undefined) problems.push(`${path}.${name}: field not declared in schema`);
        else check(field, inner, `${path}.${name}`, problems);
      }
      return;
    case 'list':
      return isList(value) ? checkItems(schema, value, path, problems) : wrong(`expected list, got &{${goText(value)}}`);
    case 'int32': case 'int64': case 'double':
      return typeof value === 'number' || typeof value === 'bigint' ? undefined : wrong(`expected numeric (int or float), got ${goType(value)}`);
    case 'boolean':
      return typeof value === 'boolean' ? undefined : wrong(`expected boolean, got &{${goText(value)}}`);
    case 'quantity': case 'int-or-string':
      return typeof value === 'object' ? wrong(`expected any scalar, got &{${goText(value)}}`) : undefined;
    default:
      return typeof value === 'string' ? undefined : wrong(`expected string, got &value.valueUnstructured{Value:${goText(value)}}`);
  }
}

function checkItems(schema: ListSchema, items: readonly unknown[], path: string, problems: string[]): void {
  const shape = listShape(schema);
  const seen = new Set<string>();
  for (const [index, item] of items.entries()) {
    let element = `i:${index}`;
    try {
      if (shape !== undefined) element = itemElement(shape, item);
    } catch (error) {
      if (!(error instanceof ElementProblem)) throw error;
      problems.push(`${path}: element ${index}: ${error.message}`);
      return;
    }
    if (seen.has(element)) problems.push(`${path}: duplicate entries for key ${elementText(element)}`);
    seen.add(element);
    check(schema.items, item, path + elementText(element), problems);
  }
}

/** A value as Go prints it. */
function goText(value: unknown): string {
  if (isList(value)) return `[${value.map(goText).join(' ')}]`;
  if (!isObject(value)) return value === null ? '<nil>' : String(value);
  return `map[${Object.keys(value).toSorted().map((key) => `${key}:${goText(value[key])}`).join(' ')}]`;
}

function goType(value: unknown): string {
  if (isList(value)) return '[]interface {}';
  return typeof value === 'boolean' ? 'bool' : typeof value === 'string' ? 'string' : 'map[string]interface {}';
}
