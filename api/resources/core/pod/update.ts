import type { FieldError } from '../../../../machinery/field-path.ts';
import type { Pod } from '../../../../machinery/kinds/core.ts';

export function validatePodUpdate(_object: Pod, _old: Pod): FieldError[] {
  return [];
}
