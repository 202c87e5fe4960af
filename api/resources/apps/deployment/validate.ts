import type { Deployment } from '../../../../machinery/kinds/apps.ts';
import type { Errors } from '../../define.ts';

export function validateDeployment(_object: Deployment): Errors {
  return [];
}
export function validateDeploymentUpdate(_object: Deployment, _old: Deployment): Errors {
  return [];
}
