import { setCondition } from '../machinery/conditions.ts';
import { inBatches } from '../machinery/in-batches.ts';
import { APIService } from '../machinery/kinds/api-registration.ts';
import { Namespace, Pod } from '../machinery/kinds/core.ts';
import { apiVersionOf, type Kind, type KubernetesList } from '../machinery/kinds/kind.ts';
import { fieldOf, isObject } from '../machinery/patch/json-value.ts';
import { ApiError, isReason } from '../machinery/status.ts';
import type { Client } from '../client/client.ts';
import { keyOf } from '../client/informer-store.ts';
import { defineController, watching, type Controller } from './define.ts';
import type { ExtensionKinds, Kinds } from './kinds.ts';
import { requeueAfter, status, update, type Step } from './steps.ts';

/** Empties a namespace that is being deleted, pods first, and lets it go when nothing is left. Source: "Namespaces"; KEP-5080, ordered deletion. */

/** What is left of one kind. */
export interface Remaining {
  readonly kind: Kind;
  readonly count: number;
  /** How many objects each finalizer holds. */
  readonly finalizers: Readonly<Record<string, number>>;
  /** Another server holds them: nobody tells when they go. */
  readonly isElsewhere?: true;
  /** Those of a kind that can't be deleted all at once. */
  readonly names?: readonly string[];
}

export interface Observed {
  readonly remaining: readonly Remaining[];
  /** Versions of groups that may hold something, but don't say so: `metrics.k8s.io/v1beta1`. */
  readonly undiscovered: readonly string[];
  /** Why a kind could not be asked. */
  readonly failures: readonly string[];
}

const finalizer = 'kubernetes';
const pageSize = 500;
/** Kinds that are asked at once: another server may have many. */
const width = 8;
/** What a condition names, at most: an object has to be small enough to be stored. */
const mostNamed = 100;

/** `kinds`: all kinds that can be listed and deleted. */
export function namespaceController(kinds: Kinds, extensionKinds: ExtensionKinds): Controller {
  const namespaced = (): readonly Kind[] => kinds.all().filter(({ scope }) => scope === 'Namespaced');
  const holders = (): readonly Holder[] => [
    ...namespaced().map((kind) => ({ kind })),
    ...extensionKinds.all().filter(({ kind, verbs }) => kind.scope === 'Namespaced' && verbs.includes('delete') && verbs.includes('list')).map(({ kind, verbs }) => ({ kind, verbs })),
  ];
  return defineController<Namespace, Observed>({
    name: 'namespace',
    primary: Namespace,
    // Who answers again may be the one that was waited for.
    watches: [watching(
      APIService, (_service, caches) => caches.of(Namespace).list().filter(isGoing).map(keyOf),
      (before, after) => (before ?? after)?.spec?.service !== undefined || after?.spec?.service !== undefined,
    )],
    // Whatever disappears may have been the last.
    watchesEach: {
      kinds: { all: namespaced, onChange: (run) => kinds.onChange(run) },
      watch: (kind) => watching(kind, (object, caches) => {
        const namespace = object.metadata?.namespace ?? '';
        return isGoing(caches.of(Namespace).get(undefined, namespace)) ? [namespace] : [];
      }, (_before, after) => after === undefined),
    },
    async observe(namespace, { client, signal }) {
      if (namespace.metadata?.deletionTimestamp === undefined) return { remaining: [], undiscovered: [], failures: [] };
      // Before the kinds: a server that comes meanwhile is asked next time.
      const undiscovered = extensionKinds.missing();
      return { ...await countAll(client, holders(), namespace.metadata?.name ?? '', signal), undiscovered };
    },
    plan,
    planFailure: (namespace, observed, error, now) => (
      error instanceof ApiError && error.reason !== 'Conflict' && observed.remaining.length > 0 ? [told(namespace, { ...observed, failures: [...observed.failures, error.message] }, now)] : []
    ),
  });
}

export interface Holder {
  readonly kind: Kind;
  /** Absent: the kind is this cluster's own, and all can be done with it. */
  readonly verbs?: readonly string[];
}

function isGoing(namespace: Namespace | undefined): boolean {
  return namespace?.metadata?.deletionTimestamp !== undefined;
}

/** What is left of each kind, and why some could not be asked. Asked of the API itself: a cache that lags must not let a namespace go. */
export async function countAll(client: Pick<Client, 'list'>, holders: readonly Holder[], namespace: string, signal: AbortSignal): Promise<Pick<Observed, 'remaining' | 'failures'>> {
  const counted = new Map<Holder, Remaining | Failure>();
  await inBatches(holders, width, async (holder) => void counted.set(holder, await count(client, holder, namespace, signal)));
  const all = holders.flatMap((holder) => counted.get(holder) ?? []);
  return { remaining: all.flatMap((one) => ('failure' in one || one.count === 0 ? [] : [one])), failures: all.flatMap((one) => ('failure' in one ? [one.failure] : [])) };
}

interface Failure {
  readonly failure: string;
}

async function count(client: Pick<Client, 'list'>, holder: Holder, namespace: string, signal: AbortSignal): Promise<Remaining | Failure> {
  try {
    return remainingOf(await client.list(holder.kind, { namespace, limit: pageSize, signal }), holder);
  } catch (error) {
    // A kind that was taken away meanwhile has no objects left.
    if (isReason(error, 'NotFound', 'MethodNotAllowed')) return { kind: holder.kind, count: 0, finalizers: {} };
    if (error instanceof ApiError && !signal.aborted) return { failure: error.message };
    throw error;
  }
}

/** Another server may answer with anything. */
function remainingOf({ items, metadata }: KubernetesList<unknown>, { kind, verbs }: Holder): Remaining | Failure {
  const finalizers = new Map<string, number>();
  const names: string[] = [];
  for (const item of items) {
    const held = heldOf(item);
    if (held === undefined) return { failure: `the server answered with something that is no list of ${nameOf(kind)}` };
    names.push(...held.names);
    for (const name of held.finalizers) finalizers.set(name, (finalizers.get(name) ?? 0) + 1);
  }
  const isDeletableAtOnce = verbs?.includes('deletecollection') ?? true;
  const further: unknown = metadata.remainingItemCount;
  return {
    kind, count: items.length + (typeof further === 'number' && Number.isSafeInteger(further) ? further : 0), finalizers: Object.fromEntries(finalizers),
    ...(verbs === undefined ? {} : { isElsewhere: true }),
    ...(isDeletableAtOnce ? {} : { names }),
  };
}

/** An object's name, if it has one, and its finalizers; undefined: it is no object. */
function heldOf(item: unknown): { readonly names: readonly string[]; readonly finalizers: readonly string[] } | undefined {
  const metadata = fieldOf(item, 'metadata') ?? {};
  const [name, finalizers] = [fieldOf(metadata, 'name'), fieldOf(metadata, 'finalizers') ?? []];
  if (!isObject(item) || !isObject(metadata) || !Array.isArray(finalizers) || !finalizers.every((one) => typeof one === 'string')) return undefined;
  return { names: typeof name === 'string' ? [name] : [], finalizers };
}

export function plan(namespace: Namespace, observed: Observed, now: number): readonly Step[] {
  const { remaining, undiscovered, failures } = observed;
  const finalizers = namespace.spec?.finalizers ?? [];
  if (namespace.metadata?.deletionTimestamp === undefined || !finalizers.includes(finalizer)) return [];
  if (remaining.length === 0 && undiscovered.length === 0 && failures.length === 0) {
    const object = { ...namespace, spec: { ...namespace.spec, finalizers: finalizers.filter((name) => name !== finalizer) } };
    return [update(Namespace, object, { subresource: 'finalize' })];
  }
  const pods = remaining.filter(({ kind }) => kind.group === Pod.group && kind.plural === Pod.plural);
  const next = pods.length > 0 ? pods : remaining;
  const name = namespace.metadata.name ?? '';
  const deletions = next.map(({ kind, names }): Step => ({ type: 'deleteCollection', kind, namespace: name, ...(names === undefined ? {} : { names }) }));
  const isUntold = undiscovered.length > 0 || failures.length > 0 || remaining.some(({ isElsewhere }) => isElsewhere === true);
  return [
    ...(deletions.length === 0 ? [] : [{ type: 'together', steps: deletions } satisfies Step]),
    told(namespace, observed, now),
    ...(isUntold ? [requeueAfter(patienceMs(namespace.metadata.deletionTimestamp, now))] : []),
  ];
}

/** The longer it takes, the less often others are asked. Milliseconds. */
function patienceMs(since: string, now: number): number {
  return Math.min(Math.max(now - Date.parse(since), 500), 30_000);
}

function told(namespace: Namespace, observed: Observed, now: number): Step {
  return status(Namespace, namespace, { ...namespace.status, phase: 'Terminating', conditions: conditionsOf(namespace, observed, now) });
}

type Conditions = NonNullable<NonNullable<Namespace['status']>['conditions']>;

function conditionsOf(namespace: Namespace, observed: Observed, now: number): Conditions {
  let conditions: Conditions = namespace.status?.conditions ?? [];
  for (const condition of verdicts(observed)) conditions = setCondition(conditions, condition, now);
  return conditions;
}

/** Wording: Kubernetes' namespace controller. */
function verdicts({ remaining, undiscovered, failures }: Observed): Conditions {
  const held = new Map<string, number>();
  for (const { finalizers } of remaining) for (const [name, objects] of Object.entries(finalizers)) held.set(name, (held.get(name) ?? 0) + objects);
  const content = remaining.map(({ kind, count: objects }) => `${nameOf(kind)} has ${objects} resource instances`).toSorted();
  const finalizers = [...held].map(([name, objects]) => `${name} in ${objects} resource instances`).toSorted();
  const stale = listed(undiscovered.map((version) => `${version}: stale GroupVersion discovery: ${version}`));
  return [
    undiscovered.length === 0
      ? { type: 'NamespaceDeletionDiscoveryFailure', status: 'False', reason: 'ResourcesDiscovered', message: 'All resources successfully discovered' }
      : {
        type: 'NamespaceDeletionDiscoveryFailure', status: 'True', reason: 'DiscoveryFailed',
        message: `Discovery failed for some groups, ${undiscovered.length} failing: unable to retrieve the complete list of server APIs: ${stale}`,
      },
    { type: 'NamespaceDeletionGroupVersionParsingFailure', status: 'False', reason: 'ParsedGroupVersions', message: 'All legacy kube types successfully parsed' },
    failures.length === 0
      ? { type: 'NamespaceDeletionContentFailure', status: 'False', reason: 'ContentDeleted', message: 'All content successfully deleted, may be waiting on finalization' }
      : { type: 'NamespaceDeletionContentFailure', status: 'True', reason: 'ContentDeletionFailed', message: `Failed to delete all resource types, ${failures.length} remaining: ${listed(failures.toSorted())}` },
    content.length === 0
      ? { type: 'NamespaceContentRemaining', status: 'False', reason: 'ContentRemoved', message: 'All content successfully removed' }
      : { type: 'NamespaceContentRemaining', status: 'True', reason: 'SomeResourcesRemain', message: `Some resources are remaining: ${listed(content)}` },
    finalizers.length === 0
      ? { type: 'NamespaceFinalizersRemaining', status: 'False', reason: 'ContentHasNoFinalizers', message: 'All content-preserving finalizers finished' }
      : { type: 'NamespaceFinalizersRemaining', status: 'True', reason: 'SomeFinalizersRemain', message: `Some content in the namespace has finalizers remaining: ${listed(finalizers)}` },
  ];
}

function listed(texts: readonly string[]): string {
  return [...texts.slice(0, mostNamed), ...(texts.length > mostNamed ? [`and ${texts.length - mostNamed} more`] : [])].join(', ');
}

/** `pods.`, `deployments.apps`: Kubernetes writes the dot for the core group too. */
function nameOf(kind: Kind): string {
  return `${kind.plural}.${apiVersionOf(kind).includes('/') ? kind.group : ''}`;
}
