import { Path, duplicate, forbidden, invalid, required, type FieldError } from '../../../../machinery/field-path.ts';
import type { LimitRange, LimitRangeItem } from '../../../../machinery/kinds/core.ts';
import type { Draft } from '../../../../machinery/kinds/wire.ts';
import { qualifiedName } from '../../../../machinery/names.ts';
import { canonical, compare, parseQuantity, zero, type Quantity } from '../../../../machinery/quantity.ts';
import { faults } from '../../checks.ts';
import { validateAmountName } from '../pod/resources.ts';
import { mayOvercommit, validateResourceName } from '../resource-names.ts';

/** Source: "Limit ranges"; wording: Kubernetes' validation. */

type Side = 'max' | 'min' | 'default' | 'defaultRequest' | 'maxLimitRequestRatio';

const path = new Path('spec.limits');
const types = ['Pod', 'Container', 'PersistentVolumeClaim'];
const one: Quantity = { nanos: 1_000_000_000n };

/** A container that says nothing gets the most as its limit, and its limit, else the least, as its request. */
export function defaultLimits(draft: Draft<LimitRange>): void {
  for (const item of draft.spec?.limits ?? []) {
    if (item.type !== 'Container') continue;
    item.default = { ...item.max, ...item.default };
    item.defaultRequest = { ...item.min, ...item.default, ...item.defaultRequest };
    for (const side of ['default', 'defaultRequest'] as const) if (Object.keys(item[side] ?? {}).length === 0) delete item[side];
  }
}

export function validateLimits({ spec }: LimitRange): FieldError[] {
  const { limits = [] } = spec ?? {};
  return limits.flatMap((item, index) => {
    const at = path.index(index);
    const repeated = limits.findIndex(({ type }) => type === item.type) < index;
    return [...validateType(item.type ?? '', at.child('type')), ...(repeated ? [duplicate(at.child('type'), item.type)] : []), ...validateItem(item, at)];
  });
}

function validateType(type: string, at: Path): FieldError[] {
  const errors = faults(at, type, qualifiedName(type));
  return errors.length > 0 || type.includes('/') || types.includes(type) ? errors : [invalid(at, type, 'must be a standard limit type or fully qualified')];
}

function validateItem(item: LimitRangeItem, at: Path): FieldError[] {
  const ofPod = item.type === 'Pod';
  const validateName = ofPod || item.type === 'Container' ? validateAmountName : validateResourceName;
  const names = (side: Side) => Object.keys(item[side] ?? {}).flatMap((name) => validateName(name, at.child(side).key(name)));
  const errors = [...names('max'), ...names('min')];
  for (const side of ['default', 'defaultRequest'] as const) {
    if (!ofPod) errors.push(...names(side));
    else if (Object.keys(item[side] ?? {}).length > 0) errors.push(forbidden(at.child(side), "may not be specified when `type` is 'Pod'"));
  }
  if (item.type === 'PersistentVolumeClaim' && item.min?.['storage'] === undefined && item.max?.['storage'] === undefined) {
    errors.push(required(at.child('limits'), 'either minimum or maximum storage value is required, but neither was provided'));
  }
  errors.push(...names('maxLimitRequestRatio'));
  const all = new Set((['max', 'min', 'default', 'defaultRequest', 'maxLimitRequestRatio'] as const).flatMap((side) => Object.keys(item[side] ?? {})));
  return [...errors, ...[...all].flatMap((name) => validateOrder(ofPod ? { ...item, default: {}, defaultRequest: {} } : item, name, at))];
}

interface Rule {
  readonly low: Side;
  readonly high: Side;
  /** Where it is told, and whose value. */
  readonly at: Side;
  readonly value: Side;
  readonly words: (low: string, high: string) => string;
}

const rules: readonly Rule[] = [
  { low: 'min', high: 'max', at: 'min', value: 'min', words: (low, high) => `min value ${low} is greater than max value ${high}` },
  { low: 'min', high: 'defaultRequest', at: 'defaultRequest', value: 'defaultRequest', words: (low, high) => `min value ${low} is greater than default request value ${high}` },
  { low: 'defaultRequest', high: 'max', at: 'defaultRequest', value: 'defaultRequest', words: (low, high) => `default request value ${low} is greater than max value ${high}` },
  { low: 'defaultRequest', high: 'default', at: 'defaultRequest', value: 'defaultRequest', words: (low, high) => `default request value ${low} is greater than default limit value ${high}` },
  { low: 'min', high: 'default', at: 'default', value: 'min', words: (low, high) => `min value ${low} is greater than default value ${high}` },
  { low: 'default', high: 'max', at: 'default', value: 'max', words: (low, high) => `default value ${low} is greater than max value ${high}` },
];

function validateOrder(item: LimitRangeItem, name: string, at: Path): FieldError[] {
  const text = (side: Side): string | undefined => item[side]?.[name];
  const quantity = (side: Side): Quantity | undefined => parseQuantity(text(side) ?? '');
  const shown = (side: Side): string => canonical(text(side) ?? '0') ?? '0';
  const errors = rules.filter(({ low, high }) => {
    const [least, most] = [quantity(low), quantity(high)];
    return least !== undefined && most !== undefined && compare(least, most) > 0;
  }).map((rule) => invalid(at.child(rule.at).key(name), shown(rule.value), rule.words(shown(rule.low), shown(rule.high))));
  errors.push(...validateRatio(quantity('maxLimitRequestRatio'), shown('maxLimitRequestRatio'), quantity('min'), quantity('max'), at.child('maxLimitRequestRatio').key(name)));
  const [limit, request] = [quantity('default'), quantity('defaultRequest')];
  if (!mayOvercommit(name) && limit !== undefined && request !== undefined && compare(limit, request) !== 0) {
    errors.push(invalid(at.child('defaultRequest').key(name), shown('defaultRequest'), `default value ${shown('default')} must equal to defaultRequest value ${shown('defaultRequest')} in ${name}`));
  }
  return errors;
}

function validateRatio(ratio: Quantity | undefined, shown: string, min: Quantity | undefined, max: Quantity | undefined, at: Path): FieldError[] {
  if (ratio === undefined) return [];
  const errors = compare(ratio, one) < 0 ? [invalid(at, shown, `ratio ${shown} is less than 1`)] : [];
  if (min === undefined || max === undefined || compare(min, zero) === 0) return errors;
  const most = Number(max.nanos) / Number(min.nanos);
  return Number(ratio.nanos) / Number(one.nanos) > most ? [...errors, invalid(at, shown, `ratio ${shown} is greater than max/min = ${most.toFixed(6)}`)] : errors;
}
