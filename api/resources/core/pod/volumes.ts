import { duplicate, forbidden, required, type FieldError, type Path } from '../../../../machinery/field-path.ts';
import type { Volume } from '../../../../machinery/kinds/core.ts';
import { dns1123Label } from '../../../../machinery/names.ts';
import { compare, parseQuantity, zero } from '../../../../machinery/quantity.ts';
import { chosen, named, oneOf } from '../../checks.ts';
import { noBacksteps } from './paths.ts';
import { validateDownward, validateKeys, validateMode, validateProjected } from './volume-files.ts';

/** Source: "Volumes"; exactly one source each. */

const hostPathTypes = ['', 'BlockDevice', 'CharDevice', 'Directory', 'DirectoryOrCreate', 'File', 'FileOrCreate', 'Socket'];

/** `isPod`: not a template, whose images may still be filled in. */
export function validateVolumes(volumes: readonly Volume[], isPod: boolean, path: Path): FieldError[] {
  const names = new Set<string>();
  return volumes.flatMap((volume, index) => {
    const at = path.index(index);
    const { name = '' } = volume;
    const errors = [...validateSource(volume, isPod, at), ...named(at.child('name'), name, dns1123Label)];
    if (names.has(name)) errors.push(duplicate(at.child('name'), name));
    names.add(name);
    return errors;
  });
}

/** The first source is looked into; any other is one too many. */
function validateSource(volume: Volume, isPod: boolean, path: Path): FieldError[] {
  const [first, ...more] = Object.keys(volume).filter((key) => key !== 'name' && Reflect.get(volume, key) !== undefined);
  if (first === undefined) return [required(path, 'must specify a volume type')];
  return [...validateKnown(volume, first, isPod, path.child(first)), ...more.map((key) => forbidden(path.child(key), 'may not specify more than 1 volume type'))];
}

function validateKnown(volume: Volume, key: string, isPod: boolean, path: Path): FieldError[] {
  switch (key) {
    case 'emptyDir': return validateEmptyDir(volume.emptyDir, path);
    case 'hostPath': return validateHostPath(volume.hostPath, path);
    case 'secret': return [
      ...(volume.secret?.secretName === undefined || volume.secret.secretName === '' ? [required(path.child('secretName'))] : []),
      ...validateMode(volume.secret?.defaultMode, path.child('defaultMode')),
      ...validateKeys(volume.secret?.items ?? [], path.child('items')),
    ];
    case 'configMap': return [
      ...(volume.configMap?.name === undefined || volume.configMap.name === '' ? [required(path.child('name'))] : []),
      ...validateMode(volume.configMap?.defaultMode, path.child('defaultMode')),
      ...validateKeys(volume.configMap?.items ?? [], path.child('items')),
    ];
    case 'downwardAPI': return [
      ...validateMode(volume.downwardAPI?.defaultMode, path.child('defaultMode')),
      ...(volume.downwardAPI?.items ?? []).flatMap((item) => validateDownward(item, path)),
    ];
    case 'projected': return volume.projected === undefined ? [] : validateProjected(volume.projected, path);
    case 'image': return [
      ...(isPod && (volume.image?.reference ?? '') === '' ? [required(path.child('reference'))] : []),
      ...chosen(path.child('pullPolicy'), volume.image?.pullPolicy, ['Always', 'IfNotPresent', 'Never']),
    ];
    case 'persistentVolumeClaim': return (volume.persistentVolumeClaim?.claimName ?? '') === '' ? [required(path.child('claimName'))] : [];
    default: return [];
  }
}

function validateEmptyDir(directory: Volume['emptyDir'], path: Path): FieldError[] {
  const limit = directory?.sizeLimit === undefined ? zero : parseQuantity(directory.sizeLimit);
  if (limit !== undefined && compare(limit, zero) >= 0) return [];
  return [forbidden(path.child('sizeLimit'), 'SizeLimit field must be a valid resource quantity')];
}

function validateHostPath(host: Volume['hostPath'], path: Path): FieldError[] {
  const target = host?.path ?? '';
  if (target === '') return [required(path.child('path'))];

  return [...noBacksteps(path.child('path'), target), ...oneOf(path.child('type'), host?.type, hostPathTypes)];
}
