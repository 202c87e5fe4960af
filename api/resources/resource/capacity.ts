import type { V1CapacityRequestPolicy, V1DeviceCapacity } from '@kubernetes/client-node';
import { duplicate, forbidden, invalid, required, tooMany, type FieldError, type Path } from '../../../machinery/field-path.ts';
import type { Wire } from '../../../machinery/kinds/wire.ts';
import { add, compare, parseQuantity, subtract, zero, type Quantity } from '../../../machinery/quantity.ts';

/** How much of a device one claim may take. Source: "Dynamic resource allocation: consumable capacity". */

type Policy = Wire<V1CapacityRequestPolicy>;

const maxChoices = 10;

const amount = (text: string | undefined): Quantity => parseQuantity(text ?? '0') ?? zero;
const isSame = (a: string, b: string): boolean => compare(amount(a), amount(b)) === 0;
const exceeds = (a: string | undefined, b: string | undefined): boolean => compare(amount(a), amount(b)) > 0;

export function validateCapacity({ value = '0', requestPolicy: policy }: Wire<V1DeviceCapacity>, isShared: boolean, path: Path): FieldError[] {
  const at = path.child('requestPolicy');
  if (policy === undefined) return [];
  if (!isShared) return [forbidden(at, 'allowMultipleAllocations must be true')];
  const { validValues = [], validRange, default: usual } = policy;
  if (validValues.length > 0 && validRange !== undefined) return [forbidden(at, 'exactly one policy can be specified, cannot specify "validValues" and "validRange" at the same time')];
  const kind = validValues.length > 0 ? 'validValues' : 'validRange';
  if (validValues.length === 0 && validRange === undefined) return [];
  if (usual === undefined) return [required(at.child('default'), `required when ${kind} is defined`)];
  return validRange === undefined ? validateChoices(validValues, usual, value, at.child(kind)) : validateRange(validRange, usual, value, at.child(kind));
}

function validateChoices(choices: readonly string[], usual: string, capacity: string, path: Path): FieldError[] {
  const errors = choices.flatMap((choice, index) => (exceeds(choices[index - 1] ?? choice, choice) ? [invalid(path.index(index), choice, 'values must be sorted in ascending order')] : []));
  if (choices.length > maxChoices) return [...errors, tooMany(path, choices.length, maxChoices)];
  return [
    ...errors,
    ...choices.flatMap((choice, index) => (exceeds(choice, capacity) ? [invalid(path.index(index), choice, `option is larger than capacity value: ${capacity}`)] : [])),
    ...choices.flatMap((choice, index) => (choices.findIndex((other) => isSame(other, choice)) < index ? [duplicate(path.index(index), choice)] : [])),
    ...(choices.some((choice) => isSame(choice, usual)) ? [] : [invalid(path, usual, 'default value is not valid according to the requestPolicy')]),
  ];
}

function validateRange({ min, max, step }: NonNullable<Policy['validRange']>, usual: string, capacity: string, path: Path): FieldError[] {
  if (min === undefined) return [required(path.child('min'), 'required when validRange is defined')];
  const [lowest, highest, each] = [path.child('min'), path.child('max'), path.child('step')];
  const errors: FieldError[] = [];
  if (exceeds(min, capacity)) errors.push(invalid(lowest, min, `min is larger than capacity value: ${capacity}`));
  if (exceeds(min, usual)) errors.push(invalid(lowest, usual, `default is less than min: ${min}`));
  if (max !== undefined) {
    if (exceeds(min, max)) errors.push(invalid(highest, min, `min is larger than max: ${max}`));
    if (exceeds(max, capacity)) errors.push(invalid(highest, max, `max is larger than capacity value: ${capacity}`));
    if (exceeds(usual, max)) errors.push(invalid(highest, usual, `default is more than max: ${max}`));
  }
  if (step === undefined) return errors;
  if (compare(add(amount(min), amount(step)), amount(capacity)) > 0) errors.push(invalid(each, step, `one step ${step} is larger than capacity value: ${capacity}`));
  for (const value of max === undefined ? [usual] : [usual, max]) {
    if (!isMultiple(subtract(amount(value), amount(min)), amount(step))) errors.push(invalid(each, value, `value is not a multiple of a given step (${step}) from (${min})`));
  }
  return errors;
}

function isMultiple(distance: Quantity, step: Quantity): boolean {
  return step.nanos !== 0n && distance.nanos % step.nanos === 0n;
}
