import jsonpatch, { type Operation } from 'fast-json-patch';
import { failure, type ApiError } from '../status.ts';
import { isObject } from './json-value.ts';

/** Kubernetes' own bounds: operations of one patch, and bytes that its `copy` operations may add together. */
const mostOperations = 10_000;
const mostCopiedBytes = 3 << 20;
/** Items of lists that all insertions and removals together may shift. An object that can be stored has no list this long ten thousand times over. */
const mostShifted = 50_000_000;

/** `original` with a JSON patch; neither is changed. Source: RFC 6902. Throws 400 (no patch), 413 (too much), 422 (does not apply). */
export function jsonPatch(original: unknown, patch: unknown): unknown {
  if (!holdsLong(original) && !holdsLong(patch)) return patched(structuredClone(original), operationsOf(patch));
  return mapped(patched(mapped(original, spelled), operationsOf(mapped(patch, spelled))), unspelled);
}

/** Whole numbers beyond 2⁵³ are bigints, which the library can't copy: it gets to see a text in their place. */
const long = '\0long\0';
const longText = new RegExp(`^${long}-?\\d+$`);

function spelled(value: unknown): unknown {
  return typeof value === 'bigint' ? `${long}${value}` : value;
}

function unspelled(value: unknown): unknown {
  return typeof value === 'string' && longText.test(value) ? BigInt(value.slice(long.length)) : value;
}

function holdsLong(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return typeof value === 'bigint';
  return Object.values(value).some(holdsLong);
}

/** A copy whose scalars are what `of` makes of them. */
function mapped(value: unknown, of: (scalar: unknown) => unknown): unknown {
  if (Array.isArray(value)) return value.map((each) => mapped(each, of));
  return isObject(value) ? Object.fromEntries(Object.entries(value).map(([name, each]) => [name, mapped(each, of)])) : of(value);
}

function patched(original: unknown, operations: readonly Operation[]): unknown {
  let document = original;
  let copied = 0;
  let shifted = 0;
  for (const [index, operation] of operations.entries()) {
    if (operation.op === 'move' && operation.path.startsWith(`${operation.from}/`)) throw unapplicable(operation, new Error('a value can\'t be moved into itself'));
    shifted += shiftedBy(document, operation);
    if (shifted > mostShifted) throw failure('RequestEntityTooLarge', `the JSON patch shifts more than ${mostShifted} items of lists`);
    try {
      document = jsonpatch.applyOperation(document, structuredClone(operation), true, true, true, index).newDocument;
    } catch (error) {
      throw unapplicable(operation, error);
    }
    if (operation.op === 'copy') copied += lengthOf(jsonpatch.getValueByPointer(document, operation.path));
    if (copied > mostCopiedBytes) throw failure('RequestEntityTooLarge', `the copy operations of the JSON patch add more than ${mostCopiedBytes} bytes`);
  }
  return document;
}

/** Of the value as JSON, about. */
function lengthOf(value: unknown): number {
  return JSON.stringify(value)?.length ?? 0;
}

/** How many items the operation moves up or down in a list. */
function shiftedBy(document: unknown, operation: Operation): number {
  const { op, path } = operation;
  switch (op) {
    case 'add': case 'copy': case 'remove': return itemsBehind(document, path);
    case 'move': return itemsBehind(document, path) + itemsBehind(document, String(operation.from));
    default: return 0;
  }
}

/** Items in the list that holds what `pointer` points at, from there on. */
function itemsBehind(document: unknown, pointer: string): number {
  const slash = pointer.lastIndexOf('/');
  const position = pointer.slice(slash + 1);
  if (slash < 0 || !/^\d{1,9}$/.test(position)) return 0;
  try {
    const list: unknown = jsonpatch.getValueByPointer(document, pointer.slice(0, slash));
    return Array.isArray(list) ? Math.max(0, list.length - Number(position)) : 0;
  } catch {
    // A path that isn't there: applying the operation says so.
    return 0;
  }
}

function operationsOf(patch: unknown): readonly Operation[] {
  if (!Array.isArray(patch)) throw failure('BadRequest', 'error decoding patch: a JSON patch must be a list of operations');
  if (patch.length > mostOperations) {
    throw failure('RequestEntityTooLarge', `The allowed maximum operations in a JSON patch is ${mostOperations}, got ${patch.length}`);
  }
  return patch.map((operation: unknown, index) => {
    if (!isOperation(operation)) throw failure('BadRequest', `error decoding patch: operation ${index} needs op and path`);
    return operation;
  });
}

/** What every operation must have; `applyOperation` checks the rest of each. */
function isOperation(value: unknown): value is Operation {
  return isObject(value) && typeof value['op'] === 'string' && typeof value['path'] === 'string';
}

/** In the words of Kubernetes and its JSON patch library. */
function unapplicable(operation: Operation, error: unknown): ApiError {
  return failure('Invalid', `the server rejected our request due to an error in our request: ${problem(operation, error)}`, undefined, { cause: error });
}

function problem({ op, path }: Operation, error: unknown): string {
  const name: unknown = isObject(error) ? Reflect.get(error, 'name') : undefined;
  switch (name) {
    case 'TEST_OPERATION_FAILED': return `testing value ${path} failed: test failed`;
    case 'OPERATION_OP_INVALID': return `Unexpected kind: ${op}`;
    case 'OPERATION_VALUE_REQUIRED': return `${op} operation on ${path} has no value: missing value`;
    case 'OPERATION_PATH_CANNOT_ADD': return `add operation does not apply: doc is missing path: "${path}": missing value`;
    case 'OPERATION_PATH_UNRESOLVABLE': case 'OPERATION_FROM_UNRESOLVABLE': return `${op} operation does not apply: doc is missing path: ${path}: missing value`;
    case 'OPERATION_PATH_ILLEGAL_ARRAY_INDEX': case 'OPERATION_VALUE_OUT_OF_BOUNDS': return `${op} operation does not apply: ${path}: invalid index referenced`;
    default: return `${op} operation does not apply to ${path}: ${error instanceof Error ? (error.message.split('\n', 1)[0] ?? '') : String(error)}`;
  }
}
