import { isDeepStrictEqual } from 'node:util';
import type { PodTemplateSpec } from '../../machinery/kinds/core.ts';

/** Tells pod templates apart: the label that a Deployment's pods and ReplicaSets carry. */

export const hashLabel = 'pod-template-hash';

/** Are two templates the same but for the hash label? */
export function sameTemplate(a: PodTemplateSpec | undefined, b: PodTemplateSpec | undefined): boolean {
  return isDeepStrictEqual(withoutHash(a), withoutHash(b));
}

function withoutHash(template: PodTemplateSpec | undefined): unknown {
  const { [hashLabel]: _hash, ...labels } = template?.metadata?.labels ?? {};
  // Through JSON, so that an absent field and an undefined one are the same.
  return JSON.parse(JSON.stringify({ ...template, metadata: { ...template?.metadata, labels } }));
}
