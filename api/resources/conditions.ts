import type { V1Condition } from '@kubernetes/client-node';
import { duplicate, invalid, notSupported, required, tooLong, type FieldError, type Path } from '../../machinery/field-path.ts';
import type { Wire } from '../../machinery/kinds/wire.ts';
import { qualifiedName } from '../../machinery/names.ts';
import { faults, notNegative } from './checks.ts';
import { firstPlaces } from './first-places.ts';

/** `metav1.Condition`s. Wording: apimachinery's validation of conditions. */

const maxReason = 1024;
const maxMessage = 32 * 1024;
const reasonPattern = '[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?';
const isReason = new RegExp(`^${reasonPattern}$`);

export function validateConditions(conditions: readonly Wire<V1Condition>[] | undefined, path: Path): FieldError[] {
  const first = firstPlaces(conditions ?? [], ({ type = '' }) => type);
  return (conditions ?? []).flatMap((condition, index) => {
    const { type = '', status = '', reason = '', message = '' } = condition;
    const at = path.index(index);
    return [
      ...((first[index] ?? index) < index ? [duplicate(at.child('type'), type)] : []),
      ...faults(at.child('type'), type, qualifiedName(type)),
      ...(['True', 'False', 'Unknown'].includes(status) ? [] : [notSupported(at.child('status'), status, ['False', 'True', 'Unknown'])]),
      ...notNegative(at.child('observedGeneration'), condition.observedGeneration),
      ...(condition.lastTransitionTime === undefined ? [required(at.child('lastTransitionTime'), 'must be set')] : []),
      ...(reason === '' ? [required(at.child('reason'), 'must be set')] : validateReason(reason, at.child('reason'))),
      ...(message.length > maxMessage ? [tooLong(at.child('message'), maxMessage)] : []),
    ];
  });
}

function validateReason(reason: string, path: Path): FieldError[] {
  const spelled = isReason.test(reason) ? [] : [
    `a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric characters or '_,:', and must end with an alphanumeric character or '_' (e.g. 'my_name', or 'MY_NAME', or 'MyName', or 'ReasonA,ReasonB', or 'ReasonA:ReasonB', regex used for validation is '${reasonPattern}')`,
  ];
  return [
    ...spelled.map((message) => invalid(path, reason, message)),
    ...(reason.length > maxReason ? [tooLong(path, maxReason)] : []),
  ];
}
