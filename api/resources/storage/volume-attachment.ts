import { forbidden, invalid, Path, required, tooLong, type FieldError } from '../../../machinery/field-path.ts';
import { VolumeAttachment } from '../../../machinery/kinds/storage.ts';
import { dns1123Subdomain } from '../../../machinery/names.ts';
import { faults } from '../checks.ts';
import { text } from '../columns.ts';
import { age, defineResource, name } from '../define.ts';
import { validateInlineVolume } from '../core/persistent-volume/validate.ts';
import { immutable } from '../immutable.ts';
import { maxParameterBytes, textBytes, validateDriverName } from './names.ts';

type Spec = VolumeAttachment['spec'];
type Status = NonNullable<VolumeAttachment['status']>;

/** Of what an attacher says about a failure, in bytes. */
const maxMessage = 1024;
const maxInt32 = 2 ** 31 - 1;

/** Source: "VolumeAttachment", storage.k8s.io/v1. */
export const volumeAttachment = defineResource(VolumeAttachment, {
  statusKeepsMetadata: true,
  updatesNameVersion: true,
  status: true,
  columns: [
    name(),
    text('Attacher', 'Which CSI driver attaches.', (object) => object.spec?.attacher ?? ''),
    text('PV', 'Which volume.', (object) => object.spec?.source?.persistentVolumeName ?? ''),
    text('Node', 'To which node.', (object) => object.spec?.nodeName ?? ''),
    { name: 'Attached', type: 'boolean', description: 'Is it attached?', cell: (object) => object.status?.attached ?? false },
    age(),
  ],
  prepareForCreate(draft) {
    draft.status = { attached: false };
  },
  validate: (object) => [...validateSpec(object.spec ?? {}, new Path('spec')), ...validateStatus(object.status, new Path('status'))],
  validateUpdate: (object, old) => immutable(object.spec, old.spec, new Path('spec')),
  validateStatusUpdate: (object) => validateStatus(object.status, new Path('status')),
});

function validateSpec({ attacher, nodeName = '', source }: Partial<Spec>, path: Path): FieldError[] {
  return [
    ...validateDriverName(attacher, path.child('attacher')),
    ...validateSource(source ?? {}, path.child('source')),
    ...faults(path.child('nodeName'), nodeName, dns1123Subdomain(nodeName)),
  ];
}

const exactlyOne = 'must specify exactly one of inlineVolumeSpec and persistentVolumeName';

function validateSource({ inlineVolumeSpec, persistentVolumeName }: Spec['source'], path: Path): FieldError[] {
  if (inlineVolumeSpec === undefined && persistentVolumeName === undefined) return [required(path, exactlyOne)];
  if (inlineVolumeSpec !== undefined && persistentVolumeName !== undefined) return [forbidden(path, exactlyOne)];
  if (inlineVolumeSpec !== undefined) return validateInlineVolume(inlineVolumeSpec, path.child('inlineVolumeSpec'));
  const at = path.child('persistentVolumeName');
  return persistentVolumeName === undefined || persistentVolumeName === '' ? [required(at, 'must specify non empty persistentVolumeName')] : faults(at, persistentVolumeName, dns1123Subdomain(persistentVolumeName));
}

function validateStatus(status: Status | undefined, path: Path): FieldError[] {
  const at = path.child('attachmentMetadata');
  return [
    ...(textBytes(status?.attachmentMetadata) > maxParameterBytes ? [tooLong(at, maxParameterBytes)] : []),
    ...validateError(status?.attachError, path.child('attachError')),
    ...validateError(status?.detachError, path.child('detachError')),
  ];
}

function validateError(error: Status['attachError'], path: Path): FieldError[] {
  const { message = '', errorCode = 0 } = error ?? {};
  return [
    ...(Buffer.byteLength(message) > maxMessage ? [tooLong(path.child('message'), maxParameterBytes)] : []),
    ...(errorCode < 0 ? [invalid(path.child('errorCode'), errorCode, `must be between 0 and ${maxInt32}, inclusive`)] : []),
  ];
}
