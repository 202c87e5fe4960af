import type { Pod } from '../kinds/core.ts';

/** Static pods, which a node runs from files, and the mirror pods by which the API shows them. Source: "Create static Pods". */

/** Where a node has a pod from: `file`. */
export const sourceAnnotation = 'kubernetes.io/config.source';
/** What the pod's file says, as a hash: a static pod's uid. */
export const hashAnnotation = 'kubernetes.io/config.hash';
/** When the node saw the file first. */
export const seenAnnotation = 'kubernetes.io/config.seen';
/** Of mirror pods: the hash of the static pod that is shown. */
export const mirrorAnnotation = 'kubernetes.io/config.mirror';

/** Is the object only the picture of a pod that its node runs whatever the API says? */
export function isMirror({ metadata }: Pod): boolean {
  return metadata?.annotations?.[mirrorAnnotation] !== undefined;
}

/** A hash and nothing else. The API's uids are UUIDs with hyphens, and nobody can choose theirs: what its annotations say, anybody could write. */
const hash = /^[0-9a-f]{32}$/;

/** Is it a pod that its node has from a file? */
export function isStatic({ metadata }: Pod): boolean {
  return hash.test(metadata?.uid ?? '');
}
