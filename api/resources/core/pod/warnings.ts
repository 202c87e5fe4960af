import type { Path } from '../../../../machinery/field-path.ts';
import type { Container, PodSpec } from '../../../../machinery/kinds/core.ts';
import { canonical, parseQuantity } from '../../../../machinery/quantity.ts';
import { firstPlaces } from '../../first-places.ts';
import { oldLabelsIn } from '../../label-warnings.ts';

/** What is allowed but seldom meant. Source: Kubernetes' pod warnings; KEP-1693, warning mechanism. */

export function podWarnings(spec: PodSpec | undefined, path: Path): string[] {
  if (spec === undefined) return [];
  const grace = spec.terminationGracePeriodSeconds ?? 0;
  return [
    ...oldLabelsIn(spec.nodeSelector, path.child('nodeSelector')),
    ...(spec.imagePullSecrets ?? []).flatMap(({ name = '' }, index) => (name === '' ? [`${path.child('imagePullSecrets').index(index).toString()}: invalid empty name ""`] : [])),
    ...repeatedAliases(spec, path),
    ...(['initContainers', 'containers'] as const).flatMap((list) => (spec[list] ?? []).flatMap((container, index) => containerWarnings(container, path.child(list).index(index)))),
    ...(grace < 0 ? [`${path.child('terminationGracePeriodSeconds').toString()}: must be >= 0; negative values are invalid and will be treated as 1`] : []),
  ];
}

function repeatedAliases({ hostAliases = [] }: PodSpec, path: Path): string[] {
  const first = firstPlaces(hostAliases, ({ ip }) => ip);
  return hostAliases.flatMap(({ ip }, index) => ((first[index] ?? index) < index ? [`${path.child('hostAliases').index(index).child('ip').toString()}: duplicate ip ${JSON.stringify(ip)}`] : []));
}

function containerWarnings({ env = [], ports = [], resources }: Container, path: Path): string[] {
  const firstEnv = firstPlaces(env, ({ name }) => name);
  const firstPort = firstPlaces(ports, (port) => `${port.containerPort}/${port.protocol}/${port.hostPort}/${port.hostIP}`);
  return [
    ...(['limits', 'requests'] as const).flatMap((kind) => fractionOfByte(resources?.[kind]?.['memory'], path.child('resources', kind).key('memory'))),
    ...env.flatMap(({ name }, index) => ((firstEnv[index] ?? index) < index
      ? [`${path.child('env').index(index).toString()}: hides previous definition of ${JSON.stringify(name)}, which may be dropped when using apply`] : [])),
    ...ports.flatMap((_port, index) => {
      const first = firstPort[index] ?? index;
      return first < index ? [`${path.child('ports').index(index).toString()}: duplicate port definition with ${path.child('ports').index(first).toString()}`] : [];
    }),
  ];
}

function fractionOfByte(text: string | undefined, path: Path): string[] {
  const quantity = text === undefined ? undefined : parseQuantity(text);
  if (text === undefined || quantity === undefined || quantity.nanos % 1_000_000_000n === 0n) return [];
  return [`${path.toString()}: fractional byte value ${JSON.stringify(canonical(text))} is invalid, must be an integer`];
}
