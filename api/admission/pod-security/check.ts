import type { Container, PodSpec, PodTemplateSpec } from '../../../machinery/kinds/core.ts';

/** What a rule of the Pod Security Standards looks at, and what it finds. */

export interface Subject {
  readonly annotations: Readonly<Record<string, string>>;
  readonly spec: PodSpec;
}

export interface Violation {
  /** In few words. */
  readonly reason: string;
  /** Who, and what instead. */
  readonly detail: string;
}

export type Rule = (subject: Subject) => Violation | undefined;

export interface Check {
  readonly id: string;
  readonly level: 'baseline' | 'restricted';
  /** By the minor version from which each holds, ascending. */
  readonly versions: readonly { readonly since: number; readonly rule: Rule }[];
  /** The check of the baseline that this one says more than. */
  readonly overrides?: string;
}

export function subjectOf({ metadata, spec }: PodTemplateSpec): Subject {
  return { annotations: metadata?.annotations ?? {}, spec: spec ?? { containers: [] } };
}

export function containersOf({ initContainers = [], containers = [], ephemeralContainers = [] }: PodSpec): readonly Container[] {
  return [...initContainers, ...containers, ...ephemeralContainers];
}

/** Names of the containers that are as `is` says. */
export function namesOf({ spec }: Subject, is: (container: Container) => boolean): string[] {
  return containersOf(spec).filter(is).map(({ name }) => name);
}

export function quoted(items: readonly string[]): string {
  return items.map((item) => `"${item}"`).join(', ');
}

export function plural(singular: string, count: number): string {
  return count === 1 ? singular : `${singular}s`;
}

/** `containers "a", "b"`. */
export function containersText(names: readonly string[]): string {
  return `${plural('container', names.length)} ${quoted(names)}`;
}

/** `pod and container "a"`; undefined: nobody. */
export function settersText(pod: boolean, names: readonly string[], ...more: readonly string[]): string | undefined {
  const setters = [...(pod ? ['pod'] : []), ...(names.length === 0 ? [] : [containersText(names)]), ...more];
  return setters.length === 0 ? undefined : setters.join(' and ');
}

/** Each once, in order. */
export function distinct(items: readonly string[]): string[] {
  return [...new Set(items)].toSorted();
}

/** A pod in a user namespace of its own harms nobody by being root there. */
export function unlessUserNamespace(rule: Rule): Rule {
  return (subject) => (subject.spec.hostUsers === false ? undefined : rule(subject));
}

/** Windows knows neither capabilities nor seccomp. */
export function unlessWindows(rule: Rule): Rule {
  return (subject) => (subject.spec.os?.name === 'windows' ? undefined : rule(subject));
}
