import type { Path } from '../../../../../machinery/field-path.ts';
import type { Container } from '../../../../../machinery/kinds/core.ts';
import { firstPlaces } from '../../../first-places.ts';
import { fractionsOfBytes } from '../../../fractions-of-bytes.ts';

export function containerWarnings({ env = [], resources }: Pick<Container, 'env' | 'resources'>, path: Path): string[] {
  const first = firstPlaces(env, ({ name }) => name);
  return [
    ...(['limits', 'requests'] as const).flatMap((side) => fractionsOfBytes(resources?.[side], path.child('resources', side))),
    ...env.flatMap((variable, index) => ((first[index] ?? index) < index && hides(variable)
      ? [`${path.child('env').index(index).toString()}: hides previous definition of ${JSON.stringify(variable.name)}, which may be dropped when using apply`] : [])),
  ];
}

/** A later definition may go on from an earlier one: `$(PATH):/opt/bin`. */
function hides({ name, value = '', valueFrom }: NonNullable<Container['env']>[number]): boolean {
  const earlier = `$(${name})`;
  return valueFrom !== undefined || value === earlier || !value.includes(earlier);
}
