import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { PodTemplateSpec } from '../../machinery/kinds/core.ts';

/** Tells pod templates apart: the label that a Deployment's pods and ReplicaSets carry. */

export const hashLabel = 'pod-template-hash';

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

/** Are two templates the same but for the hash label? */
export function sameTemplate(a: PodTemplateSpec | undefined, b: PodTemplateSpec | undefined): boolean {
  return isDeepStrictEqual(withoutHash(a), withoutHash(b));
}

function withoutHash(template: PodTemplateSpec | undefined): unknown {
  const { [hashLabel]: _hash, ...labels } = template?.metadata?.labels ?? {};
  // Through JSON, so that an absent field and an undefined one are the same.
  return JSON.parse(JSON.stringify({ ...template, metadata: { ...template?.metadata, labels } }));
}
