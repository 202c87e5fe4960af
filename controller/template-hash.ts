import { createHash } from 'node:crypto';
import type { PodTemplateSpec } from '../machinery/kinds/core.ts';
import { sortedJson } from '../machinery/sorted-json.ts';

/** A short name for a pod template: what ReplicaSets and ControllerRevisions are called after, and pods are labelled with. */

/** No vowels and no digits that look like them: a hash never spells a word. */
const alphabet = 'bcdfghjklmnpqrstvwxz2456789';
const hashLength = 10;

/** Stable for equal templates. `collisionCount` makes another one when the first was taken. */
export function templateHash(template: PodTemplateSpec | undefined, collisionCount: number | undefined): string {
  const digest = createHash('sha256').update(sortedJson(template)).update(`#${collisionCount ?? ''}`).digest();
  return [...digest.subarray(0, hashLength)].map((byte) => alphabet[byte % alphabet.length]).join('');
}
