import { Deployment, ReplicaSet } from '../../machinery/kinds/apps.ts';
import { ownerReference } from '../../machinery/owner-references.ts';
import { referenceTo } from '../../client/events.ts';
import { at, event, update, type CreateStep, type Step } from '../steps.ts';
import { templateHash } from '../template-hash.ts';
import { currentSize } from './rolling-update.ts';
import { sizeAnnotations, sizeOf, type Rollout } from './rollout.ts';
import { hashLabel } from './same-template.ts';

/** Numbers a Deployment's templates, so that users can look back and go back. Source: "Deployments", checking rollout history. */

const revisionAnnotation = 'deployment.kubernetes.io/revision';
const historyAnnotation = 'deployment.kubernetes.io/revision-history';
const longestHistory = 2000;
const largest = 2n ** 63n - 1n;

/** Annotations of a Deployment that its sets don't inherit. */
const notInherited = new Set([
  'kubectl.kubernetes.io/last-applied-configuration', revisionAnnotation, historyAnnotation,
  'deployment.kubernetes.io/desired-replicas', 'deployment.kubernetes.io/max-replicas', 'deprecated.deployment.rollback.to',
]);

/** Revisions are numbers of 64 bits; users may give any. */
export function revisionOf(set: ReplicaSet): bigint {
  const text = set.metadata?.annotations?.[revisionAnnotation] ?? '';
  return /^\d+$/.test(text) && BigInt(text) <= largest ? BigInt(text) : 0n;
}

function nextRevision({ old }: Rollout): bigint {
  return old.map(revisionOf).reduce((newest, each) => (each > newest ? each : newest), 0n) + 1n;
}

function inherited(deployment: Deployment): Record<string, string> {
  return Object.fromEntries(Object.entries(deployment.metadata?.annotations ?? {}).filter(([name]) => !notInherited.has(name)));
}

/**
 * What the present template's set and the Deployment must note about each other before anything is scaled: revision (a set that
 * comes back gets the newest number), annotations, `minReadySeconds`. Empty when all is noted.
 */
export function syncRevision(rollout: Rollout): readonly Step[] {
  const { deployment, current } = rollout;
  if (current === undefined) return [];
  const annotations = annotationsOf(rollout, current);
  const minReadySeconds = deployment.spec?.minReadySeconds;
  const noted = Object.entries(annotations).every(([name, value]) => current.metadata?.annotations?.[name] === value);
  if (!noted || (minReadySeconds ?? 0) !== (current.spec?.minReadySeconds ?? 0)) {
    const spec = current.spec === undefined ? {} : { spec: { ...current.spec, ...(minReadySeconds === undefined ? {} : { minReadySeconds }) } };
    return [update(ReplicaSet, { ...current, metadata: { ...current.metadata, annotations }, ...spec })];
  }
  const revision = annotations[revisionAnnotation];
  if (deployment.metadata?.annotations?.[revisionAnnotation] === revision) return [];
  return [{ type: 'patch', kind: Deployment, at: at(deployment), patchType: 'application/merge-patch+json', body: { metadata: { annotations: { [revisionAnnotation]: revision } } } }];
}

function annotationsOf(rollout: Rollout, current: ReplicaSet): Readonly<Record<string, string>> {
  const before = current.metadata?.annotations ?? {};
  const revision = nextRevision(rollout);
  const old = revisionOf(current);
  const kept = { ...before, ...inherited(rollout.deployment) };
  if (old >= revision) return kept;
  return { ...kept, [revisionAnnotation]: String(revision), ...(old === 0n ? {} : { [historyAnnotation]: history(before[historyAnnotation], old) }) };
}

/** Earlier numbers of a set, the oldest dropped when it becomes too long. */
function history(before: string | undefined, old: bigint): string {
  const numbers = [...(before === undefined || before === '' ? [] : before.split(',')), String(old)];
  while (numbers.join(',').length > longestHistory) numbers.shift();
  return numbers.join(',');
}

/** The set of the present template, to be made. */
export function newReplicaSet(rollout: Rollout): ReplicaSet {
  const { deployment } = rollout;
  const { metadata, spec } = deployment;
  const hash = templateHash(spec?.template, deployment.status?.collisionCount);
  const labels = { ...spec?.template.metadata?.labels, [hashLabel]: hash };
  const minReadySeconds = spec?.minReadySeconds;
  return {
    metadata: {
      name: `${metadata?.name}-${hash}`,
      ...(metadata?.namespace === undefined ? {} : { namespace: metadata.namespace }),
      labels,
      annotations: { ...inherited(deployment), [revisionAnnotation]: String(nextRevision(rollout)), ...sizeAnnotations(deployment) },
      ownerReferences: [ownerReference(deployment, Deployment)],
    },
    spec: {
      replicas: currentSize(rollout, undefined),
      selector: { ...spec?.selector, matchLabels: { ...spec?.selector.matchLabels, [hashLabel]: hash } },
      template: { ...spec?.template, metadata: { ...spec?.template.metadata, labels } },
      ...(minReadySeconds === undefined ? {} : { minReadySeconds }),
    },
  };
}

export function createStep(rollout: Rollout): CreateStep {
  const about = referenceTo(Deployment, rollout.deployment);
  const object = newReplicaSet(rollout);
  const size = sizeOf(object);
  return {
    type: 'create', kind: ReplicaSet, object,
    ...(size === 0 ? {} : { done: (name: string) => event(about, 'Normal', 'ScalingReplicaSet', `Scaled up replica set ${name} from 0 to ${size}`) }),
    failed: (error) => event(about, 'Warning', 'ReplicaSetCreateError', `Failed to create new replica set ${JSON.stringify(object.metadata?.name)}: ${error.message}`),
  };
}

/** Old sets beyond the history's limit, the earliest first, once nothing of them is left. */
export function forget({ deployment, old }: Rollout): readonly Step[] {
  const limit = deployment.spec?.revisionHistoryLimit ?? 10;
  const alive = old.filter((set) => set.metadata?.deletionTimestamp === undefined);
  const surplus = alive.toSorted((a, b) => Number(revisionOf(a) > revisionOf(b)) - Number(revisionOf(a) < revisionOf(b))).slice(0, Math.max(0, alive.length - limit));
  return surplus.filter(isSpent).map((set): Step => ({ type: 'delete', kind: ReplicaSet, at: at(set), uid: set.metadata?.uid ?? '', propagationPolicy: 'Background' }));
}

function isSpent(set: ReplicaSet): boolean {
  return sizeOf(set) === 0 && (set.status?.replicas ?? 0) === 0 && (set.metadata?.generation ?? 0) <= (set.status?.observedGeneration ?? 0);
}
