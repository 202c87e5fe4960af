import { containersOf, containersText, distinct, namesOf, plural, quoted, settersText, type Rule, type Subject } from './check.ts';

/** Profiles of AppArmor and seccomp, as fields and as the annotations that they were. Source: "Pod Security Standards". */

const known: ReadonlySet<string> = new Set(['RuntimeDefault', 'Localhost']);
const appArmorPrefix = 'container.apparmor.security.beta.kubernetes.io/';
const seccompPod = 'seccomp.security.alpha.kubernetes.io/pod';
const seccompPrefix = 'container.seccomp.security.alpha.kubernetes.io/';

const faulty = (profile: { readonly type?: string } | undefined): boolean => profile !== undefined && !known.has(profile.type ?? '');

export const appArmor: Rule = (subject) => {
  const pod = subject.spec.securityContext?.appArmorProfile;
  const types = [pod, ...containersOf(subject.spec).map(({ securityContext }) => securityContext?.appArmorProfile)].filter(faulty).map((profile) => profile?.type ?? '');
  const annotations = Object.entries(subject.annotations)
    .filter(([key, value]) => key.startsWith(appArmorPrefix) && value !== '' && value !== 'runtime/default' && !value.startsWith('localhost/'))
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`).toSorted();
  const setters = settersText(
    faulty(pod), namesOf(subject, ({ securityContext }) => faulty(securityContext?.appArmorProfile)), ...(annotations.length === 0 ? [] : [plural('annotation', annotations.length)]),
  );
  if (setters === undefined) return undefined;
  const all = [...distinct(types), ...annotations];
  return { reason: plural('forbidden AppArmor profile', all.length), detail: `${setters} must not set AppArmor profile type to ${quoted(all)}` };
};

const allowed = (value: string): boolean => value === 'runtime/default' || value === 'docker/default' || value.startsWith('localhost/');

export const seccompAnnotations: Rule = ({ annotations, spec }) => {
  const keys = [seccompPod, ...containersOf(spec).map(({ name }) => `${seccompPrefix}${name}`)];
  const forbidden = distinct(keys.flatMap((key) => {
    const value = annotations[key];
    return value === undefined || allowed(value) ? [] : [`${key}=${JSON.stringify(value)}`];
  }));
  return forbidden.length === 0 ? undefined : { reason: 'seccompProfile', detail: `forbidden ${plural('annotation', forbidden.length)} ${forbidden.join(', ')}` };
};

const typeOf = (context: { readonly seccompProfile?: { readonly type?: string } } | undefined): string | undefined => (context?.seccompProfile === undefined ? undefined : context.seccompProfile.type ?? '');
const isFaulty = (type: string | undefined): boolean => type !== undefined && !known.has(type);

export const seccompType: Rule = (subject) => {
  const pod = typeOf(subject.spec.securityContext);
  const setters = settersText(isFaulty(pod), namesOf(subject, ({ securityContext }) => isFaulty(typeOf(securityContext))));
  if (setters === undefined) return undefined;
  const types = distinct([pod, ...containersOf(subject.spec).map(({ securityContext }) => typeOf(securityContext))].filter((type) => type !== undefined && isFaulty(type)) as string[]);
  return { reason: 'seccompProfile', detail: `${setters} must not set securityContext.seccompProfile.type to ${quoted(types)}` };
};

/** A profile must be set, for the pod or for each container. */
export const seccompRequired: Rule = (subject) => seccompType(subject) ?? withoutProfile(subject);

function withoutProfile(subject: Subject) {
  if (typeOf(subject.spec.securityContext) !== undefined) return undefined;
  const names = namesOf(subject, ({ securityContext }) => typeOf(securityContext) === undefined);
  return names.length === 0 ? undefined
    : { reason: 'seccompProfile', detail: `pod or ${containersText(names)} must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"` };
}
