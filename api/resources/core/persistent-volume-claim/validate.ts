import { Path, forbidden, invalid, required, type FieldError } from '../../../../machinery/field-path.ts';
import type { PersistentVolumeClaim, PersistentVolumeClaimSpec } from '../../../../machinery/kinds/core.ts';
import { validateLabelSelector } from '../../../../machinery/labels.ts';
import { dns1123Label, dns1123Subdomain } from '../../../../machinery/names.ts';
import { compare, parseQuantity, zero, type Quantity } from '../../../../machinery/quantity.ts';
import { oneOf, optional } from '../../checks.ts';
import { immutable, same } from '../../immutable.ts';
import { validateAccessModes } from '../access-modes.ts';
import { validatePositive, validateQuantityOf } from '../resource-names.ts';

/** Source: "Persistent volumes"; wording: Kubernetes' validation. */

type Source = NonNullable<PersistentVolumeClaimSpec['dataSourceRef']>;

const specPath = new Path('spec');

export function validateClaim({ spec = {} }: PersistentVolumeClaim): FieldError[] {
  return validateClaimSpec(spec, specPath);
}

/** Of a claim and of a template of claims. */
function validateClaimSpec(spec: PersistentVolumeClaimSpec, path: Path): FieldError[] {
  const { dataSource, dataSourceRef } = spec;
  const errors = [
    ...validateAccessModes(spec.accessModes, 'at least 1 access mode is required', path.child('accessModes')),
    ...validateLabelSelector(spec.selector, path.child('selector')),
    ...validateSize(spec.resources?.requests?.['storage'], path.child('resources').key('storage')),
    ...optional(path.child('storageClassName'), spec.storageClassName, dns1123Subdomain),
    ...oneOf(path.child('volumeMode'), spec.volumeMode, ['Block', 'Filesystem']),
    ...(dataSource === undefined ? [] : validateSource(dataSource, path.child('dataSource'))),
    ...(dataSourceRef === undefined ? [] : validateSource(dataSourceRef, path.child('dataSourceRef'))),
    ...optional(path.child('volumeAttributesClassName'), spec.volumeAttributesClassName, dns1123Subdomain),
  ];
  if (dataSource === undefined || dataSourceRef === undefined) return errors;
  if ((dataSourceRef.namespace ?? '') !== '') return [...errors, invalid(path, dataSource, 'must not be specified when dataSourceRef.namespace is specified')];
  const { namespace: _namespace, ...rest } = dataSourceRef;
  return same(dataSource, rest) ? errors : [...errors, invalid(path, dataSource, 'must match dataSourceRef')];
}

function validateSize(size: string | undefined, path: Path): FieldError[] {
  if (size === undefined) return [required(path)];
  const errors = validateQuantityOf('storage', size, path);
  return errors.length > 0 ? errors : validatePositive(size, path);
}

function validateSource({ name = '', kind = '', apiGroup = '', namespace }: Source, path: Path): FieldError[] {
  const errors: FieldError[] = [];
  if (name === '') errors.push(required(path.child('name')));
  if (kind === '') errors.push(required(path.child('kind')));
  if (apiGroup === '' && kind !== '' && kind !== 'PersistentVolumeClaim') errors.push(invalid(path, kind, 'must be PersistentVolumeClaim when apiGroup is empty'));
  return [...errors, ...optional(path.child('apiGroup'), apiGroup, dns1123Subdomain), ...optional(path.child('namespace'), namespace, dns1123Label)];
}

export function validateClaimUpdate(object: PersistentVolumeClaim, old: PersistentVolumeClaim): FieldError[] {
  const [spec, before] = [object.spec ?? {}, old.spec ?? {}];
  const errors: FieldError[] = [];
  const bound = old.status?.phase === 'Bound';
  if (!same(fixed(spec, before, bound), fixed(before, before, bound))) {
    errors.push(forbidden(specPath, 'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims'));
  } else if (bound) {
    errors.push(...validateResize(spec, old));
  }
  return [...errors, ...immutable(spec.volumeMode, before.volumeMode, specPath.child('volumeMode'))];
}

/** The part of a spec that may not change. A volume, and a default class, may still come to a claim without one. */
function fixed(spec: PersistentVolumeClaimSpec, before: PersistentVolumeClaimSpec, bound: boolean): unknown {
  const { volumeMode: _mode, resources, volumeName, storageClassName, volumeAttributesClassName, ...rest } = spec;
  const { requests, ...others } = resources ?? {};
  const { storage, ...amounts } = requests ?? {};
  return {
    ...rest, others, amounts,
    ...(bound ? {} : { storage, volumeAttributesClassName }),
    ...((before.volumeName ?? '') === '' ? {} : { volumeName }),
    ...(before.storageClassName === undefined ? {} : { storageClassName }),
  };
}

function amount(text: string | undefined): Quantity {
  return parseQuantity(text ?? '0') ?? zero;
}

function validateResize(spec: PersistentVolumeClaimSpec, old: PersistentVolumeClaim): FieldError[] {
  const [size, before] = [amount(spec.resources?.requests?.['storage']), amount(old.spec?.resources?.requests?.['storage'])];
  // What was asked in vain may be taken back, but not below what there is.
  const tooSmall = compare(size, before) < 0 && compare(size, amount(old.status?.capacity?.['storage'])) <= 0;
  return tooSmall ? [forbidden(specPath.child('resources', 'requests', 'storage'), 'field can not be less than status.capacity')] : [];
}

export function validateClaimStatus({ status }: PersistentVolumeClaim): FieldError[] {
  const path = new Path('status');
  return Object.entries(status?.capacity ?? {}).flatMap(([name, text]) => validateQuantityOf(name, text, path.child('capacity').key(name)));
}
