import { Path } from '../../../../machinery/field-path.ts';
import type { PersistentVolumeClaim, PersistentVolumeClaimSpec } from '../../../../machinery/kinds/core.ts';
import { olderClassAnnotation } from '../../../../machinery/storage-class-name.ts';
import { fractionsOfBytes } from '../../fractions-of-bytes.ts';

export function claimWarnings({ metadata, spec }: PersistentVolumeClaim): string[] {
  return [...olderClassWarnings(metadata?.annotations), ...claimSpecWarnings(spec, new Path('spec'))];
}

/** Of a claim or a volume. */
export function olderClassWarnings(annotations: Readonly<Record<string, string>> | undefined): string[] {
  return annotations?.[olderClassAnnotation] === undefined ? [] : [`metadata.annotations[${olderClassAnnotation}]: deprecated since v1.8; use "storageClassName" attribute instead`];
}

export function claimSpecWarnings(spec: PersistentVolumeClaimSpec | undefined, path: Path): string[] {
  return (['requests', 'limits'] as const).flatMap((side) => fractionsOfBytes(spec?.resources?.[side], path.child('resources', side), ['storage']));
}
