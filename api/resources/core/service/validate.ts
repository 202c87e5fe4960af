import type { Service } from '../../../../machinery/kinds/core.ts';
import type { Errors } from '../../define.ts';

export function validateService(_object: Service): Errors {
  return [];
}
export function validateServiceUpdate(_object: Service, _old: Service): Errors {
  return [];
}
