import { PersistentVolumeClaim } from '../../../machinery/kinds/core.ts';
import { storageClassOf } from '../../../machinery/storage-class-name.ts';
import { text } from '../columns.ts';
import { age, defineResource, name } from '../define.ts';
import { accessModesText } from './access-modes.ts';
import { defaultClaim, normalizeSources } from './persistent-volume-claim/defaults.ts';
import { validateClaim, validateClaimStatus, validateClaimUpdate } from './persistent-volume-claim/validate.ts';
import { claimWarnings } from './persistent-volume-claim/warnings.ts';

const unset = '<unset>';
const isBound = ({ spec }: PersistentVolumeClaim): boolean => (spec?.volumeName ?? '') !== '';

/** Source: "Persistent volumes". */
export const persistentVolumeClaim = defineResource(PersistentVolumeClaim, {
  shortNames: ['pvc'],
  status: true,
  fields: { name: (object) => object.metadata?.name ?? '' },
  columns: [
    name(),
    text('Status', 'Pending, Bound, Lost or Terminating.', (object) => (object.metadata?.deletionTimestamp === undefined ? object.status?.phase ?? '' : 'Terminating')),
    text('Volume', 'The volume that it is bound to.', (object) => object.spec?.volumeName ?? ''),
    text('Capacity', "The volume's size.", (object) => (isBound(object) ? object.status?.capacity?.['storage'] ?? '0' : '')),
    text('Access Modes', 'How the volume may be mounted.', (object) => (isBound(object) ? accessModesText(object.status?.accessModes) : '')),
    text('StorageClass', 'The class of storage that it asks for.', (object) => storageClassOf(object.metadata, object.spec?.storageClassName)),
    text('VolumeAttributesClass', 'The class of attributes that it asks for.', (object) => object.spec?.volumeAttributesClassName ?? unset),
    age(),
    text('VolumeMode', 'A file system, or a block device.', (object) => object.spec?.volumeMode ?? unset, 1),
  ],
  defaults: defaultClaim,
  prepareForCreate(draft) {
    draft.status = { phase: 'Pending' };
    normalizeSources(draft);
  },
  prepareForUpdate: (draft) => { normalizeSources(draft); },
  validate: validateClaim,
  validateUpdate: validateClaimUpdate,
  warnings: claimWarnings,
  validateStatusUpdate: (object) => validateClaimStatus(object),
  // The deletion of a claim in use waits for its pods: the object is the answer.
  deletion: { answersObject: true },
});
