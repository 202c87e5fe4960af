import type { Path } from '../../../../machinery/field-path.ts';
import type { PodSpec } from '../../../../machinery/kinds/core.ts';

export function podWarnings(_spec: PodSpec | undefined, _path: Path): string[] {
  return [];
}
