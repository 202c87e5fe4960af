import { forbidden, invalid, invalidObject, Path, required, tooLong, type FieldError } from '../../machinery/field-path.ts';
import { applyPatch, type Call } from '../request.ts';

/** What the query of a write may say beside what is written. Source: CreateOptions, UpdateOptions and PatchOptions, meta/v1. */

const kinds: Readonly<Record<string, string>> = { create: 'CreateOptions', update: 'UpdateOptions', patch: 'PatchOptions' };
const longestManager = 128;
const unprintable = /[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/u;

/** Throws 422. */
export function checkWriteOptions({ query, patchType, info }: Pick<Call, 'query' | 'patchType' | 'info'>): void {
  const { fieldManager = '', force } = query;
  if (fieldManager === '' && patchType === undefined) return;
  const errors: FieldError[] = [];
  if (patchType === applyPatch && fieldManager === '') errors.push(required(new Path('fieldManager'), 'is required for apply patch'));
  if (patchType !== undefined && patchType !== applyPatch && force !== undefined) errors.push(forbidden(new Path('force'), 'may not be specified for non-apply patch'));
  errors.push(...managerErrors(fieldManager));
  if (errors.length > 0) throw invalidObject({ group: 'meta.k8s.io', kind: kinds[info.verb] ?? 'PatchOptions' }, '', errors);
}

function managerErrors(manager: string): FieldError[] {
  const path = new Path('fieldManager');
  const errors: FieldError[] = Buffer.byteLength(manager) > longestManager ? [tooLong(path, longestManager)] : [];
  let position = 0;
  for (const character of manager) {
    if (unprintable.test(character)) errors.push(invalid(path, manager, `invalid character ${codePoint(character)} (at position ${position})`));
    position += Buffer.byteLength(character);
  }
  return errors;
}

/** `U+0007`, as Go prints what can't be shown. */
function codePoint(character: string): string {
  return `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`;
}

/** Who writes when the query doesn't say: the first part of the user agent, as far as it can be a manager's name. */
export function managerOf(fieldManager: string | undefined, userAgent: string): string {
  if (fieldManager !== undefined && fieldManager !== '') return fieldManager;
  let name = '';
  for (const character of userAgent) {
    if (unprintable.test(character)) continue;
    if (Buffer.byteLength(name) + Buffer.byteLength(character) > longestManager) break;
    name += character;
  }
  return name === '' ? 'unknown' : name;
}
