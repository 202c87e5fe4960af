import { Path } from '../../../../machinery/field-path.ts';
import type { PersistentVolume } from '../../../../machinery/kinds/core.ts';
import { olderClassWarnings } from '../persistent-volume-claim/warnings.ts';
import { nodeTermWarnings } from '../pod/warnings/scheduling.ts';
import { oldVolumeWarnings } from '../pod/warnings/volumes.ts';

const mountOptions = 'volume.beta.kubernetes.io/mount-options';

/** Source: Kubernetes' warnings of persistent volumes. */
export function volumeWarnings({ metadata, spec }: PersistentVolume): string[] {
  const path = new Path('spec');
  return [
    ...olderClassWarnings(metadata?.annotations),
    ...(metadata?.annotations?.[mountOptions] === undefined ? [] : [`metadata.annotations[${mountOptions}]: deprecated since v1.31; use "mountOptions" attribute instead`]),
    ...(spec?.persistentVolumeReclaimPolicy === 'Recycle' ? ['spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning.'] : []),
    ...(spec?.nodeAffinity?.required?.nodeSelectorTerms ?? []).flatMap((term, index) => nodeTermWarnings(term, path.child('nodeAffinity', 'required', 'nodeSelectorTerms').index(index), false)),
    ...oldVolumeWarnings(spec ?? {}, path),
  ];
}
