import type { Container, Volume } from '../../../machinery/kinds/core.ts';
import { procMount } from './baseline.ts';
import { containersOf, containersText, distinct, namesOf, plural, quoted, settersText, unlessUserNamespace, unlessWindows, type Check, type Rule } from './check.ts';
import { seccompRequired } from './profiles.ts';

/** How a pod gives up what it doesn't need. Source: "Pod Security Standards", Restricted; wording: the PodSecurity plug-in of kube-apiserver. */

const privilegeEscalation: Rule = (subject) => {
  const names = namesOf(subject, ({ securityContext }) => securityContext?.allowPrivilegeEscalation !== false);
  return names.length === 0 ? undefined : { reason: 'allowPrivilegeEscalation != false', detail: `${containersText(names)} must set securityContext.allowPrivilegeEscalation=false` };
};

const added = ({ securityContext }: Container): string[] => (securityContext?.capabilities?.add ?? []).filter((one) => one !== 'NET_BIND_SERVICE');

const capabilities: Rule = (subject) => {
  const keeping = namesOf(subject, ({ securityContext }) => (securityContext?.capabilities?.drop ?? []).includes('ALL') === false);
  const adding = namesOf(subject, (container) => added(container).length > 0);
  const told = [
    ...(keeping.length === 0 ? [] : [`${containersText(keeping)} must set securityContext.capabilities.drop=["ALL"]`]),
    ...(adding.length === 0 ? [] : [`${containersText(adding)} must not include ${quoted(distinct(containersOf(subject.spec).flatMap(added)))} in securityContext.capabilities.add`]),
  ];
  return told.length === 0 ? undefined : { reason: 'unrestricted capabilities', detail: told.join('; ') };
};

const volumeTypes: ReadonlySet<string> = new Set(['configMap', 'csi', 'downwardAPI', 'emptyDir', 'ephemeral', 'image', 'persistentVolumeClaim', 'projected', 'secret']);

const typesOf = (volume: Volume): string[] => Object.keys(volume).filter((key) => key !== 'name' && Reflect.get(volume, key) !== undefined);

const volumes: Rule = ({ spec }) => {
  const faulty = (spec.volumes ?? []).filter((volume) => !typesOf(volume).some((type) => volumeTypes.has(type)));
  if (faulty.length === 0) return undefined;
  const types = distinct(faulty.map((volume) => typesOf(volume)[0] ?? 'unknown'));
  return {
    reason: 'restricted volume types',
    detail: `${plural('volume', faulty.length)} ${quoted(faulty.map(({ name }) => name))} ${faulty.length === 1 ? 'uses' : 'use'} ${plural('restricted volume type', types.length)} ${quoted(types)}`,
  };
};

const nonRoot: Rule = (subject) => {
  const pod = subject.spec.securityContext?.runAsNonRoot;
  const setters = settersText(pod === false, namesOf(subject, ({ securityContext }) => securityContext?.runAsNonRoot === false));
  if (setters !== undefined) return { reason: 'runAsNonRoot != true', detail: `${setters} must not set securityContext.runAsNonRoot=false` };
  const silent = pod === true ? [] : namesOf(subject, ({ securityContext }) => securityContext?.runAsNonRoot === undefined);
  return silent.length === 0 ? undefined : { reason: 'runAsNonRoot != true', detail: `pod or ${containersText(silent)} must set securityContext.runAsNonRoot=true` };
};

const user: Rule = (subject) => {
  const setters = settersText(subject.spec.securityContext?.runAsUser === 0, namesOf(subject, ({ securityContext }) => securityContext?.runAsUser === 0));
  return setters === undefined ? undefined : { reason: 'runAsUser=0', detail: `${setters} must not set runAsUser=0` };
};

/** By id, the order in which they are told. */
export const restricted: readonly Check[] = [
  { id: 'allowPrivilegeEscalation', level: 'restricted', versions: [{ since: 8, rule: privilegeEscalation }, { since: 25, rule: unlessWindows(privilegeEscalation) }] },
  { id: 'capabilities_restricted', level: 'restricted', overrides: 'capabilities_baseline', versions: [{ since: 22, rule: capabilities }, { since: 25, rule: unlessWindows(capabilities) }] },
  { id: 'procMount_restricted', level: 'restricted', overrides: 'procMount', versions: [{ since: 35, rule: procMount }] },
  { id: 'restrictedVolumes', level: 'restricted', overrides: 'hostPathVolumes', versions: [{ since: 0, rule: volumes }] },
  { id: 'runAsNonRoot', level: 'restricted', versions: [{ since: 0, rule: nonRoot }, { since: 35, rule: unlessUserNamespace(nonRoot) }] },
  { id: 'runAsUser', level: 'restricted', versions: [{ since: 23, rule: user }, { since: 35, rule: unlessUserNamespace(user) }] },
  { id: 'seccompProfile_restricted', level: 'restricted', overrides: 'seccompProfile_baseline', versions: [{ since: 19, rule: seccompRequired }, { since: 25, rule: unlessWindows(seccompRequired) }] },
];
