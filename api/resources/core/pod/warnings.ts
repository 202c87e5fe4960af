import { Path } from '../../../../machinery/field-path.ts';
import { dns1123Label } from '../../../../machinery/names.ts';
import type { PodSpec, PodTemplateSpec } from '../../../../machinery/kinds/core.ts';
import { firstPlaces } from '../../first-places.ts';
import { fractionsOfBytes } from '../../fractions-of-bytes.ts';
import { annotationWarnings } from './warnings/annotations.ts';
import { containerLists } from './warnings/container-lists.ts';
import { containerWarnings } from './warnings/containers.ts';
import { portWarnings } from './warnings/ports.ts';
import { schedulingWarnings, unmatchedTerms } from './warnings/scheduling.ts';
import { volumeWarnings } from './warnings/volumes.ts';

/** What is allowed but seldom meant. Source: Kubernetes' pod warnings; KEP-1693, warning mechanism. */

/** Of a pod, or of a template at `path`. */
export function podWarnings(template: Pick<PodTemplateSpec, 'metadata' | 'spec'> | undefined, path = new Path()): string[] {
  const spec = template?.spec;
  if (spec === undefined) return [];
  const at = path.child('spec');
  const { terminationGracePeriodSeconds: grace = 0 } = spec;
  const annotations = template?.metadata?.annotations ?? {};
  return [
    ...schedulingWarnings(spec, at),
    ...volumeWarnings(spec, at.child('volumes')),
    ...repeatedAliases(spec, at.child('hostAliases')),
    ...pullSecretWarnings(spec, at.child('imagePullSecrets')),
    ...fractionsOfBytes(spec.overhead, at.child('overhead')),
    ...annotationWarnings(annotations, spec, path.child('metadata', 'annotations')),
    ...containerLists.flatMap((list) => (spec[list] ?? []).flatMap((container, index) => containerWarnings(container, at.child(list).index(index)))),
    ...portWarnings(spec, at),
    ...(grace < 0 ? [`${at.child('terminationGracePeriodSeconds').toString()}: must be >= 0; negative values are invalid and will be treated as 1`] : []),
    ...unmatchedTerms(spec, at.child('affinity')),
  ];
}

/** Of the name of a new pod, or of what names new pods after itself. */
export function hostNameWarnings(name: string | undefined, usedIn = 'Pod names and hostnames'): string[] {
  const faults = dns1123Label(name ?? '');
  return faults.length === 0 ? [] : [`metadata.name: this is used in ${usedIn}, which can result in surprising behavior; a DNS label is recommended: [${faults.join(' ')}]`];
}

function repeatedAliases({ hostAliases = [] }: PodSpec, path: Path): string[] {
  const first = firstPlaces(hostAliases, ({ ip }) => ip);
  return hostAliases.flatMap(({ ip }, index) => ((first[index] ?? index) < index ? [`${path.index(index).child('ip').toString()}: duplicate ip ${JSON.stringify(ip)}`] : []));
}

function pullSecretWarnings({ imagePullSecrets = [] }: PodSpec, path: Path): string[] {
  const at = (index: number): string => path.index(index).child('name').toString();
  const first = firstPlaces(imagePullSecrets, ({ name = '' }) => name);
  return [
    ...imagePullSecrets.flatMap(({ name = '' }, index) => ((first[index] ?? index) < index ? [`${at(index)}: duplicate name ${JSON.stringify(name)}`] : [])),
    ...imagePullSecrets.flatMap(({ name = '' }, index) => (name === '' ? [`${at(index)}: invalid empty name ""`] : [])),
  ];
}
