import type { DaemonSet } from '../../machinery/kinds/apps.ts';
import type { Node, Pod, PodSpec, PodTemplateSpec, Toleration } from '../../machinery/kinds/core.ts';
import { acceptsNode, requiredNodes } from '../../machinery/pod/affinity.ts';
import { tolerates } from '../../machinery/pod/tolerations.ts';

type Affinity = NonNullable<PodSpec['affinity']>;

/** On which nodes a DaemonSet's pods belong, and how a pod says which node it is for. Source: "DaemonSet", how daemon pods are scheduled. */

export interface Placement {
  /** Does a pod belong there? */
  readonly shouldRun: boolean;
  /** May one that is there already stay? A taint that only keeps new pods away doesn't drive it off. */
  readonly mayStay: boolean;
}

/** Reads the set once, for many nodes. */
export function placementFor({ spec }: DaemonSet): (node: Node) => Placement {
  const pod = spec?.template.spec;
  const bound = pod?.nodeName ?? '';
  const required = pod === undefined ? undefined : requiredNodes(pod);
  const tolerations = withDaemonTolerations(pod);
  return (node) => {
    const name = node.metadata?.name ?? '';
    const fits = (bound === '' || bound === name) && (required === undefined || acceptsNode(required, node.metadata?.labels, name));
    if (!fits) return { shouldRun: false, mayStay: false };
    const untolerated = (node.spec?.taints ?? []).filter((taint) => (taint.effect === 'NoSchedule' || taint.effect === 'NoExecute') && !tolerates(tolerations, taint));
    return { shouldRun: untolerated.length === 0, mayStay: untolerated.every(({ effect }) => effect !== 'NoExecute') };
  };
}

const daemonTolerations: readonly Toleration[] = [
  // The node controller must not drive daemons off a node with a problem: they may be what mends it.
  { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute' },
  { key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute' },
  { key: 'node.kubernetes.io/disk-pressure', operator: 'Exists', effect: 'NoSchedule' },
  { key: 'node.kubernetes.io/memory-pressure', operator: 'Exists', effect: 'NoSchedule' },
  { key: 'node.kubernetes.io/pid-pressure', operator: 'Exists', effect: 'NoSchedule' },
  { key: 'node.kubernetes.io/unschedulable', operator: 'Exists', effect: 'NoSchedule' },
];
/** A daemon on the node's own network may be what brings the pods' one up. */
const networkToleration: Toleration = { key: 'node.kubernetes.io/network-unavailable', operator: 'Exists', effect: 'NoSchedule' };

/** The template's own tolerations with those of every daemon: one for the same taint is replaced, so that it holds for ever. */
export function withDaemonTolerations(spec: PodSpec | undefined): readonly Toleration[] {
  const added = spec?.hostNetwork === true ? [...daemonTolerations, networkToleration] : daemonTolerations;
  const own = (spec?.tolerations ?? []).map((toleration) => added.find((other) => sameTaint(other, toleration)) ?? toleration);
  return [...own, ...added.filter((toleration) => !own.includes(toleration))];
}

function sameTaint(a: Toleration, b: Toleration): boolean {
  return a.key === b.key && a.effect === b.effect && a.operator === b.operator && (a.value ?? '') === (b.value ?? '');
}

/** The template for a pod on one node: the scheduler binds it there, and nowhere else. */
export function templateFor(template: PodTemplateSpec | undefined, node: string): PodTemplateSpec {
  const spec: PodSpec = { containers: [], ...template?.spec };
  return { ...template, spec: { ...spec, tolerations: withDaemonTolerations(spec), affinity: pinned(spec.affinity, node) } };
}

/** The node meets the template's own terms already, so its name may take their place. */
function pinned(affinity: Affinity | undefined, node: string): Affinity {
  const nodeSelectorTerms = [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: [node] }] }];
  return { ...affinity, nodeAffinity: { ...affinity?.nodeAffinity, requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } } };
}

/** The node that a pod is on or for; undefined when it doesn't say. */
export function nodeOf(pod: Pod): string | undefined {
  const { nodeName = '', affinity } = pod.spec ?? {};
  if (nodeName !== '') return nodeName;
  const terms = affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  return terms.flatMap(({ matchFields = [] }) => matchFields).find(({ key, operator, values }) => key === 'metadata.name' && operator === 'In' && values?.length === 1)?.values?.[0];
}
