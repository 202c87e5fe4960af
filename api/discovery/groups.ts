import type { ExtensionVersion } from '../aggregation/extension-discovery.ts';
import type { Resource } from '../resources/define.ts';

export interface GroupVersion {
  readonly version: string;
  readonly resources: readonly Resource[];
  /** What another server serves: it answers for its resources itself. */
  readonly extension?: ExtensionVersion;
}

/** One API group with its versions, the preferred first, and what each serves. */
export interface Group {
  readonly name: string;
  readonly versions: readonly GroupVersion[];
}

/** Kubernetes' order of built-in groups in discovery; others follow by name. Source: kube-apiserver's APIService priorities, as observed. */
const order = [
  '', 'apiregistration.k8s.io', 'apps', 'events.k8s.io', 'authentication.k8s.io', 'authorization.k8s.io', 'autoscaling', 'batch', 'certificates.k8s.io',
  'networking.k8s.io', 'policy', 'rbac.authorization.k8s.io', 'storage.k8s.io', 'admissionregistration.k8s.io', 'apiextensions.k8s.io',
  'scheduling.k8s.io', 'coordination.k8s.io', 'node.k8s.io', 'discovery.k8s.io', 'resource.k8s.io', 'flowcontrol.apiserver.k8s.io',
];

/** The groups of `resources` in the order in which discovery lists them. */
export function groupsOf(resources: readonly Resource[]): readonly Group[] {
  const names = [...new Set(resources.map(({ group }) => group))].toSorted((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
  return names.map((name) => {
    const own = resources.filter(({ group }) => group === name);
    const versions = [...new Set(own.map(({ version }) => version))].toSorted(byPriority);
    return { name, versions: versions.map((version) => ({ version, resources: own.filter((one) => one.version === version).toSorted(byPlural) })) };
  });
}

/** With what extension servers serve: their versions behind ours, their groups behind all of ours, the more important first. */
export function withExtensions(groups: readonly Group[], extensions: readonly ExtensionVersion[]): readonly Group[] {
  if (extensions.length === 0) return groups;
  const theirs = extensions.toSorted(inOrder);
  const merged = new Map(groups.map(({ name, versions }): [string, GroupVersion[]] => [name, versions.filter(({ version }) => !theirs.some((one) => one.group === name && one.version === version))]));
  for (const extension of theirs) {
    const versions = merged.get(extension.group) ?? [];
    versions.push({ version: extension.version, resources: [], extension });
    merged.set(extension.group, versions);
  }
  return [...merged].map(([name, versions]) => ({ name, versions }));
}

/** The more important group before the others, and in it the more important version. Source: APIServiceSpec. */
export function inOrder(a: ExtensionVersion, b: ExtensionVersion): number {
  return b.groupPriority - a.groupPriority || (a.group < b.group ? -1 : Number(a.group > b.group)) || b.versionPriority - a.versionPriority || byPriority(a.version, b.version);
}

function rank(group: string): number {
  const at = order.indexOf(group);
  return at < 0 ? order.length : at;
}

function byPlural(a: Resource, b: Resource): number {
  return a.plural < b.plural ? -1 : 1;
}

const form = /^v(\d+)(?:(alpha|beta)(\d+))?$/;

/** v2 before v1 before v1beta2 before v1beta1 before v1alpha1. Source: "Version priority", CustomResourceDefinition versioning. */
export function byPriority(a: string, b: string): number {
  const [left, right] = [weight(a), weight(b)];
  for (const [index, value] of left.entries()) if (value !== right[index]) return (right[index] ?? 0) - value;
  return a < b ? -1 : 1;
}

function weight(version: string): readonly number[] {
  const match = form.exec(version);
  if (match === null) return [0, 0, 0];
  const [, major, stage, minor] = match;
  return [stage === undefined ? 3 : stage === 'beta' ? 2 : 1, Number(major), Number(minor ?? 0)];
}
