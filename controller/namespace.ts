import { setCondition } from '../machinery/conditions.ts';
import { Namespace, Pod } from '../machinery/kinds/core.ts';
import { apiVersionOf, type Kind, type KubernetesList, type KubernetesObject } from '../machinery/kinds/kind.ts';
import { isReason } from '../machinery/status.ts';
import type { Client } from '../client/client.ts';
import { defineController, watching, type Controller } from './define.ts';
import type { Kinds } from './kinds.ts';
import { status, update, type Step } from './steps.ts';

/** Empties a namespace that is being deleted, pods first, and lets it go when nothing is left. Source: "Namespaces"; KEP-5080, ordered deletion. */

/** What is left of one kind. */
export interface Remaining {
  readonly kind: Kind;
  readonly count: number;
  /** How many objects each finalizer holds. */
  readonly finalizers: Readonly<Record<string, number>>;
}

export interface Observed {
  readonly remaining: readonly Remaining[];
}

const finalizer = 'kubernetes';
const pageSize = 500;

/** `kinds`: all kinds that can be listed and deleted. */
export function namespaceController(kinds: Kinds): Controller {
  const namespaced = (): readonly Kind[] => kinds.all().filter(({ scope }) => scope === 'Namespaced');
  return defineController<Namespace, Observed>({
    name: 'namespace',
    primary: Namespace,
    // Whatever disappears may have been the last.
    watches: [],
    watchesEach: {
      kinds: { all: namespaced, onChange: (run) => kinds.onChange(run) },
      watch: (kind) => watching(kind, (object, caches) => {
        const namespace = object.metadata?.namespace ?? '';
        return isGoing(caches.of(Namespace).get(undefined, namespace)) ? [namespace] : [];
      }, (_before, after) => after === undefined),
    },
    async observe(namespace, { client, signal }) {
      if (namespace.metadata?.deletionTimestamp === undefined) return { remaining: [] };
      const counted = await Promise.all(namespaced().map((kind) => count(client, kind, namespace.metadata?.name ?? '', signal)));
      return { remaining: counted.filter((one) => one.count > 0) };
    },
    plan,
  });
}

function isGoing(namespace: Namespace | undefined): boolean {
  return namespace?.metadata?.deletionTimestamp !== undefined;
}

/** Asked of the API itself: a cache that lags must not let a namespace go. */
async function count(client: Client, kind: Kind, namespace: string, signal: AbortSignal): Promise<Remaining> {
  const list = await listed(client, kind, namespace, signal);
  const finalizers: Record<string, number> = {};
  for (const name of list.items.flatMap((object) => object.metadata?.finalizers ?? [])) finalizers[name] = (finalizers[name] ?? 0) + 1;
  return { kind, count: list.items.length + (list.metadata.remainingItemCount ?? 0), finalizers };
}

/** A kind that was taken away meanwhile has no objects left. */
async function listed(client: Client, kind: Kind, namespace: string, signal: AbortSignal): Promise<KubernetesList<KubernetesObject>> {
  try {
    return await client.list(kind, { namespace, limit: pageSize, signal });
  } catch (error) {
    if (isReason(error, 'NotFound')) return { metadata: {}, items: [] };
    throw error;
  }
}

export function plan(namespace: Namespace, { remaining }: Observed, now: number): readonly Step[] {
  const finalizers = namespace.spec?.finalizers ?? [];
  if (namespace.metadata?.deletionTimestamp === undefined || !finalizers.includes(finalizer)) return [];
  if (remaining.length === 0) {
    const object = { ...namespace, spec: { ...namespace.spec, finalizers: finalizers.filter((name) => name !== finalizer) } };
    return [update(Namespace, object, { subresource: 'finalize' })];
  }
  const pods = remaining.filter(({ kind }) => kind.group === Pod.group && kind.plural === Pod.plural);
  const next = pods.length > 0 ? pods : remaining;
  const name = namespace.metadata.name ?? '';
  const deletions = next.map(({ kind }): Step => ({ type: 'deleteCollection', kind, namespace: name }));
  return [status(Namespace, namespace, { ...namespace.status, phase: 'Terminating', conditions: conditionsOf(namespace, remaining, now) }), { type: 'together', steps: deletions }];
}

type Conditions = NonNullable<NonNullable<Namespace['status']>['conditions']>;

function conditionsOf(namespace: Namespace, remaining: readonly Remaining[], now: number): Conditions {
  let conditions: Conditions = namespace.status?.conditions ?? [];
  for (const condition of verdicts(remaining)) conditions = setCondition(conditions, condition, now);
  return conditions;
}

function verdicts(remaining: readonly Remaining[]): Conditions {
  const held = new Map<string, number>();
  for (const { finalizers } of remaining) for (const [name, objects] of Object.entries(finalizers)) held.set(name, (held.get(name) ?? 0) + objects);
  const content = remaining.map(({ kind, count: objects }) => `${nameOf(kind)} has ${objects} resource instances`).toSorted();
  const finalizers = [...held].map(([name, objects]) => `${name} in ${objects} resource instances`).toSorted();
  return [
    { type: 'NamespaceDeletionDiscoveryFailure', status: 'False', reason: 'ResourcesDiscovered', message: 'All resources successfully discovered' },
    { type: 'NamespaceDeletionGroupVersionParsingFailure', status: 'False', reason: 'ParsedGroupVersions', message: 'All legacy kube types successfully parsed' },
    { type: 'NamespaceDeletionContentFailure', status: 'False', reason: 'ContentDeleted', message: 'All content successfully deleted, may be waiting on finalization' },
    { type: 'NamespaceContentRemaining', status: 'True', reason: 'SomeResourcesRemain', message: `Some resources are remaining: ${content.join(', ')}` },
    finalizers.length === 0
      ? { type: 'NamespaceFinalizersRemaining', status: 'False', reason: 'ContentHasNoFinalizers', message: 'All content-preserving finalizers finished' }
      : { type: 'NamespaceFinalizersRemaining', status: 'True', reason: 'SomeFinalizersRemain', message: `Some content in the namespace has finalizers remaining: ${finalizers.join(', ')}` },
  ];
}

/** `pods.`, `deployments.apps`: Kubernetes writes the dot for the core group too. */
function nameOf(kind: Kind): string {
  return `${kind.plural}.${apiVersionOf(kind).includes('/') ? kind.group : ''}`;
}
