import { Path, forbidden, invalid, notSupported, required, type FieldError } from '../../../../machinery/field-path.ts';
import type { PersistentVolume } from '../../../../machinery/kinds/core.ts';
import { dns1123Subdomain } from '../../../../machinery/names.ts';
import { oneOf, optional } from '../../checks.ts';
import { immutable, same } from '../../immutable.ts';
import { validateAccessModes } from '../access-modes.ts';
import { validateNodeSelector } from '../pod/affinity.ts';
import { noBacksteps } from '../pod/paths.ts';
import { validatePositive, validateQuantityOf } from '../resource-names.ts';

/** Source: "Persistent volumes"; wording: Kubernetes' validation. */

type Spec = NonNullable<PersistentVolume['spec']>;

const path = new Path('spec');
/** Fields of a spec that are no source. */
const general: ReadonlySet<string> = new Set([
  'accessModes', 'capacity', 'claimRef', 'mountOptions', 'nodeAffinity', 'persistentVolumeReclaimPolicy', 'storageClassName', 'volumeAttributesClassName', 'volumeMode',
]);

export function validateVolume({ spec = {} }: PersistentVolume): FieldError[] {
  return [
    ...validateAccessModes(spec.accessModes, '', path.child('accessModes')),
    ...validateCapacity(spec.capacity ?? {}),
    ...oneOf(path.child('persistentVolumeReclaimPolicy'), spec.persistentVolumeReclaimPolicy, ['Delete', 'Recycle', 'Retain']),
    ...validateNodes(spec),
    ...validateSource(spec, path),
    ...(spec.hostPath?.path === '/' && spec.persistentVolumeReclaimPolicy === 'Recycle'
      ? [forbidden(path.child('persistentVolumeReclaimPolicy'), "may not be 'recycle' for a hostPath mount of '/'")] : []),
    ...optional(path.child('storageClassName'), spec.storageClassName, dns1123Subdomain),
    ...oneOf(path.child('volumeMode'), spec.volumeMode, ['Block', 'Filesystem']),
    ...validateAttributes(spec, path),
  ];
}

/** A volume that no object of its own describes: what a VolumeAttachment says of one. `at` is the path of the spec. */
export function validateInlineVolume(spec: Spec, at: Path): FieldError[] {
  const { accessModes, capacity, claimRef, csi, nodeAffinity, persistentVolumeReclaimPolicy: policy = 'Retain', storageClassName = '', volumeMode = 'Filesystem' } = spec;
  const unless = (isAllowed: boolean, field: string, why = 'may not be specified in the context of inline volumes') => (isAllowed ? [] : [forbidden(at.child(field), why)]);
  return [
    ...unless(claimRef === undefined, 'claimRef'),
    ...unless(Object.keys(capacity ?? {}).length === 0, 'capacity'),
    ...(csi === undefined ? [required(at.child('csi'), 'has to be specified in the context of inline volumes')] : []),
    ...validateAccessModes(accessModes, '', at.child('accessModes')),
    ...unless(policy === 'Retain', 'persistentVolumeReclaimPolicy', 'may only be Retain in the context of inline volumes'),
    ...unless(nodeAffinity === undefined, 'nodeAffinity'),
    ...validateSource(spec, at),
    ...unless(storageClassName === '', 'storageClassName'),
    ...unless(volumeMode === 'Filesystem', 'volumeMode', 'may not specify volumeMode other than Filesystem in the context of inline volumes'),
    ...validateAttributes(spec, at),
  ];
}

function validateCapacity(capacity: NonNullable<Spec['capacity']>): FieldError[] {
  const at = path.child('capacity');
  const names = Object.keys(capacity);
  if (names.length === 0) return [required(at)];
  const errors = names.length > 1 || capacity['storage'] === undefined ? [notSupported(at, capacity, ['storage'])] : [];
  return [...errors, ...Object.entries(capacity).flatMap(([name, text]) => {
    const faulty = validateQuantityOf(name, text, at.key(name));
    return faulty.length > 0 ? faulty : validatePositive(text, at.key(name));
  })];
}

function validateNodes({ nodeAffinity, local }: Spec): FieldError[] {
  const at = path.child('nodeAffinity');
  if (nodeAffinity === undefined) return local === undefined ? [] : [required(at, 'Local volume requires node affinity')];
  if (nodeAffinity.required === undefined) return [required(at.child('required'), 'must specify required node constraints')];
  return validateNodeSelector(nodeAffinity.required, at.child('required'));
}

/** The source of a spec, one and no more. */
function sourcesOf(spec: Spec): string[] {
  return Object.keys(spec).filter((field) => !general.has(field) && Reflect.get(spec, field) !== undefined);
}

/** `at` is the path of the spec. */
function validateSource(spec: Spec, at: Path): FieldError[] {
  const [first, ...more] = sourcesOf(spec);
  if (first === undefined) return [required(at, 'must specify a volume type')];
  return [...validateKnown(spec, first, at.child(first)), ...more.map((field) => forbidden(at.child(field), 'may not specify more than 1 volume type'))];
}

function validateKnown({ hostPath, nfs, csi, local }: Spec, field: string, at: Path): FieldError[] {
  const missing = (name: string, value: string | undefined) => ((value ?? '') === '' ? [required(at.child(name))] : []);
  switch (field) {
    case 'hostPath': return (hostPath?.path ?? '') === '' ? [required(at.child('path'))] : noBacksteps(at.child('path'), hostPath?.path ?? '');
    case 'nfs': return [
      ...missing('server', nfs?.server), ...missing('path', nfs?.path),
      ...((nfs?.path ?? '/').startsWith('/') ? [] : [invalid(at.child('path'), nfs?.path, 'must be an absolute path')]),
    ];
    case 'csi': return [...missing('driver', csi?.driver), ...missing('volumeHandle', csi?.volumeHandle)];
    case 'local': return (local?.path ?? '') === '' ? [required(at.child('path'))] : noBacksteps(at.child('path'), local?.path ?? '');
    default: return [];
  }
}

function validateAttributes({ volumeAttributesClassName: name, csi }: Spec, spec: Path): FieldError[] {
  const at = spec.child('volumeAttributesClassName');
  if (name === undefined) return [];
  if (name === '') return [required(at, 'an empty string is disallowed')];
  return csi === undefined ? [required(spec.child('csi'), 'has to be specified when using volumeAttributesClassName')] : optional(at, name, dns1123Subdomain);
}

function sourceOf(spec: Spec): unknown {
  return Object.fromEntries(sourcesOf(spec).map((field) => [field, Reflect.get(spec, field)]));
}

export function validateVolumeUpdate(object: PersistentVolume, old: PersistentVolume): FieldError[] {
  const [spec, before] = [object.spec ?? {}, old.spec ?? {}];
  return [
    ...(same(sourceOf(spec), sourceOf(before)) ? [] : [forbidden(path.child('persistentvolumesource'), 'spec.persistentvolumesource is immutable after creation')]),
    ...immutable(spec.volumeMode, before.volumeMode, path.child('volumeMode')),
    ...(before.nodeAffinity === undefined ? [] : immutable(spec.nodeAffinity, before.nodeAffinity, path.child('nodeAffinity'))),
  ];
}
