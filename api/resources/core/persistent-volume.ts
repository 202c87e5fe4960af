import { timestamp } from '../../../machinery/conditions.ts';
import { PersistentVolume } from '../../../machinery/kinds/core.ts';
import { storageClassOf } from '../../../machinery/storage-class-name.ts';
import { text } from '../columns.ts';
import { age, defineResource, name } from '../define.ts';
import { accessModesText } from './access-modes.ts';
import { defaultVolumeSource } from './persistent-volume/defaults.ts';
import { validateVolume, validateVolumeUpdate } from './persistent-volume/validate.ts';
import { volumeWarnings } from './persistent-volume/warnings.ts';

const unset = '<unset>';

function claim({ spec }: PersistentVolume): string {
  return spec?.claimRef === undefined ? '' : `${spec.claimRef.namespace ?? ''}/${spec.claimRef.name ?? ''}`;
}

/** Source: "Persistent volumes". */
export const persistentVolume = defineResource(PersistentVolume, {
  shortNames: ['pv'],
  status: true,
  fields: { name: (object) => object.metadata?.name ?? '' },
  columns: [
    name(),
    text('Capacity', 'Its size.', (object) => object.spec?.capacity?.['storage'] ?? '0'),
    text('Access Modes', 'How it may be mounted.', (object) => accessModesText(object.spec?.accessModes)),
    text('Reclaim Policy', 'What becomes of it when its claim is gone.', (object) => object.spec?.persistentVolumeReclaimPolicy ?? ''),
    text('Status', 'Available, Bound, Released, Failed or Terminating.', (object) => (object.metadata?.deletionTimestamp === undefined ? object.status?.phase ?? '' : 'Terminating')),
    text('Claim', 'The claim that has it.', claim),
    text('StorageClass', 'The class of storage that it is of.', (object) => storageClassOf(object.metadata, object.spec?.storageClassName)),
    text('VolumeAttributesClass', 'The class of attributes that it has.', (object) => object.spec?.volumeAttributesClassName ?? unset),
    text('Reason', 'Why it failed.', (object) => object.status?.reason ?? ''),
    age(),
    text('VolumeMode', 'A file system, or a block device.', (object) => object.spec?.volumeMode ?? unset, 1),
  ],
  defaults(draft) {
    const spec = (draft.spec ??= {});
    spec.persistentVolumeReclaimPolicy ??= 'Retain';
    spec.volumeMode ??= 'Filesystem';
    defaultVolumeSource(spec);
    const status = (draft.status ??= {});
    if ((status.phase ?? '') === '') status.phase = 'Pending';
  },
  prepareForCreate(draft) {
    // It is new: its phase began with it.
    const since = draft.metadata?.creationTimestamp;
    draft.status = { phase: 'Pending', ...(since === undefined ? {} : { lastPhaseTransitionTime: since }) };
  },
  prepareForStatusUpdate({ status }, { status: before }, now) {
    if (status === undefined || status.phase === before?.phase) return;
    if ((status.lastPhaseTransitionTime ?? before?.lastPhaseTransitionTime) === before?.lastPhaseTransitionTime) status.lastPhaseTransitionTime = timestamp(now);
  },
  validate: validateVolume,
  validateUpdate: validateVolumeUpdate,
  warnings: volumeWarnings,
  deletion: { answersObject: true },
});
