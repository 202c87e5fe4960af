import { required, tooMany, type FieldError, type Path } from '../../../../machinery/field-path.ts';
import type { Container } from '../../../../machinery/kinds/core.ts';
import { oneOf } from '../../checks.ts';

/**
 * How one container is restarted, init containers and sidecars too. Source: "Container restart policy", "Individual container restart
 * policy and rules"; wording: Kubernetes' validation.
 */

type Rule = NonNullable<Container['restartPolicyRules']>[number];

const mostRules = 20;
const mostExitCodes = 255;

export function validateRestarts({ restartPolicy, restartPolicyRules: rules = [] }: Container, path: Path): FieldError[] {
  if (restartPolicy === undefined) return rules.length === 0 ? [] : [required(path.child('restartPolicy'), 'must specify restartPolicy when restart rules are used')];
  const at = path.child('restartPolicyRules');
  return [
    ...oneOf(path.child('restartPolicy'), restartPolicy, ['Always', 'Never', 'OnFailure']),
    ...(rules.length > mostRules ? [tooMany(at, rules.length, mostRules)] : []),
    ...rules.flatMap((rule, index) => validateRule(rule, at.index(index))),
  ];
}

function validateRule({ action, exitCodes }: Rule, path: Path): FieldError[] {
  const errors = oneOf(path.child('action'), action ?? '', ['Restart', 'RestartAllContainers']);
  const at = path.child('exitCodes');
  if (exitCodes === undefined) return [...errors, required(at, 'must be specified')];
  const count = exitCodes.values?.length ?? 0;
  errors.push(...oneOf(at.child('operator'), exitCodes.operator ?? '', ['In', 'NotIn']));
  return count > mostExitCodes ? [...errors, tooMany(at.child('values'), count, mostExitCodes)] : errors;
}
