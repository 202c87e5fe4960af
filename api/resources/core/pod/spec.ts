import { required, type FieldError, type Path } from '../../../../machinery/field-path.ts';
import type { PodSpec } from '../../../../machinery/kinds/core.ts';

export function validatePodSpec(spec: PodSpec | undefined, path: Path): FieldError[] {
  return (spec?.containers ?? []).length === 0 ? [required(path.child('containers'))] : [];
}
