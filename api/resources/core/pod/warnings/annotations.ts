import type { Path } from '../../../../../machinery/field-path.ts';
import type { PodSpec } from '../../../../../machinery/kinds/core.ts';
import { containerLists } from './container-lists.ts';

/** Annotations that fields have taken the place of. */

const replaced: Readonly<Record<string, string>> = {
  'scheduler.alpha.kubernetes.io/critical-pod': 'non-functional in v1.16+; use the "priorityClassName" field instead',
  'security.alpha.kubernetes.io/sysctls': 'non-functional in v1.11+; use the "sysctls" field instead',
  'security.alpha.kubernetes.io/unsafe-sysctls': 'non-functional in v1.11+; use the "sysctls" field instead',
};
const seccomp = 'non-functional in v1.27+; use the "seccompProfile" field instead';
const appArmor = 'deprecated since v1.30; use the "appArmorProfile" field instead';

export function annotationWarnings(annotations: Readonly<Record<string, string>>, spec: PodSpec, path: Path): string[] {
  if (Object.keys(annotations).length === 0) return [];
  const said = (key: string, text: string): string[] => (Object.hasOwn(annotations, key) ? [`${path.key(key).toString()}: ${text}`] : []);
  const { seccompProfile, appArmorProfile } = spec.securityContext ?? {};
  return [
    ...Object.entries(replaced).flatMap(([key, text]) => said(key, text)),
    ...(seccompProfile === undefined ? said('seccomp.security.alpha.kubernetes.io/pod', seccomp) : []),
    ...containerLists.flatMap((list) => spec[list] ?? []).flatMap(({ name, securityContext }) => [
      ...(securityContext?.seccompProfile === undefined ? said(`container.seccomp.security.alpha.kubernetes.io/${name}`, seccomp) : []),
      ...((appArmorProfile ?? securityContext?.appArmorProfile) === undefined ? said(`container.apparmor.security.beta.kubernetes.io/${name}`, appArmor) : []),
    ]),
  ];
}
