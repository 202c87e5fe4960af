import { createHash } from 'node:crypto';
import type { PodTemplateSpec } from '../machinery/kinds/core.ts';

/** A short name for a pod template: what ReplicaSets and ControllerRevisions are called after, and pods are labelled with. */

/** No vowels and no digits that look like them: a hash never spells a word. */
const alphabet = 'bcdfghjklmnpqrstvwxz2456789';
const hashLength = 10;

/** Stable for equal templates. `collisionCount` makes another one when the first was taken. */
export function templateHash(template: PodTemplateSpec | undefined, collisionCount: number | undefined): string {
  const digest = createHash('sha256').update(canonical(template)).update(`#${collisionCount ?? ''}`).digest();
  return [...digest.subarray(0, hashLength)].map((byte) => alphabet[byte % alphabet.length]).join('');
}

/** JSON with sorted keys. */
function canonical(value: unknown): string {
  return JSON.stringify(value ?? null, (_key, part: unknown) => (
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : Number(a > b))))
      : part
  ));
}
