import type { ObjectMeta } from './kinds/kind.ts';

/** Where the class stood before it had a field. Source: "Persistent volumes: class". */
export const olderClassAnnotation = 'volume.beta.kubernetes.io/storage-class';

/** '' when none is named. */
export function storageClassOf(metadata: ObjectMeta | undefined, field: string | undefined): string {
  return metadata?.annotations?.[olderClassAnnotation] ?? field ?? '';
}

/** Does it say anything about its class, even that it has none? */
export function namesStorageClass(metadata: ObjectMeta | undefined, field: string | undefined): boolean {
  return metadata?.annotations?.[olderClassAnnotation] !== undefined || field !== undefined;
}
