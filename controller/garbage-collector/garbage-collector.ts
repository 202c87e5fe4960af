import { APIService } from '../../machinery/kinds/api-registration.ts';
import { CustomResourceDefinition } from '../../machinery/kinds/apiextensions.ts';
import type { OwnerReference } from '../../machinery/kinds/core.ts';
import type { Kind, KubernetesObject } from '../../machinery/kinds/kind.ts';
import { isReason } from '../../machinery/status.ts';
import type { Client } from '../../client/client.ts';
import { referenceTo, type Recorder } from '../../client/events.ts';
import { createWorkQueue, type WorkQueue } from '../../client/work-queue.ts';
import type { Informers } from '../caches.ts';
import { unlessAborted, type Controller, type Shell } from '../define.ts';
import { forEachKind, type ExtensionKinds, type ServedKinds } from '../kinds.ts';
import { decide, type Decision, type OwnerState } from './decide.ts';
import { createGraph, foregroundFinalizer, isNamed, isReachable, nodeOf, orphanFinalizer, type Graph, type GraphNode } from './graph.ts';

/** Deletes what nothing owns any longer. A graph of all objects says where to look; what the API says then decides. */

interface Collector {
  readonly graph: Graph;
  readonly client: Client;
  readonly recorder: Recorder;
  readonly kinds: Pick<ServedKinds, 'all' | 'find'>;
  readonly extensionKinds: Pick<ExtensionKinds, 'find'>;
  readonly queue: WorkQueue;
  /** Owners that were seen to go, by uid, and those that went out of sight with their kind: that one. */
  readonly departed: Map<string, Kind | undefined>;
  /** Objects with owners of kinds that are not served: they are looked at again when other kinds are. */
  readonly undecided: Set<string>;
}

/** Departed owners remembered, at most. */
const mostDeparted = 5000;
/** How often an owner that another server holds is looked at: nobody tells when it goes. */
const elsewhereMs = 5 * 60_000;

/** `kinds`: all that can be listed, watched and deleted, of both scopes; Events own nothing and are owned by nothing. */
export function garbageCollector(kinds: ServedKinds, extensionKinds: Pick<ExtensionKinds, 'find'>): Controller {
  const collected: ServedKinds = { ...kinds, all: () => kinds.all().filter(({ plural }) => plural !== 'events') };
  return { name: 'garbage-collector', run: (shell, signal) => run(shell, collected, extensionKinds, signal) };
}

async function run(shell: Shell, kinds: ServedKinds, extensionKinds: Collector['extensionKinds'], signal: AbortSignal): Promise<void> {
  const { informers, client, clock, random, log } = shell;
  const queue = createWorkQueue({
    clock, random, failed: (uid, err, waitMs) => {
      if (isReason(err, 'Conflict')) log.debug({ uid, waitMs }, 'an object changed while its owners were looked at');
      else log.warn({ uid, err, waitMs }, 'the owners of an object could not be settled');
    },
  });
  const collector: Collector = { graph: createGraph(), client, recorder: shell.recorder('garbage-collector-controller'), kinds, extensionKinds, queue, departed: new Map(), undecided: new Set() };
  const first = kinds.all();
  // An owner must not look absent only because its kind's list comes later.
  await Promise.all(first.map((kind) => informers.informer(kind).waitForSync(signal))).catch(unlessAborted(signal));
  if (signal.aborted) return;
  for (const kind of first) for (const object of informers.informer(kind).list()) collector.graph.set(nodeOf(kind, object));
  const end = forEachKind(kinds, (kind) => collect(collector, informers, kind));
  const lookAgain = (): void => { for (const uid of collector.undecided) queue.add(uid); };
  const unsubscribe = kinds.onChange(lookAgain);
  // Who answers again may know the kind that was asked for.
  const unfollow = informers.informer(APIService).onChange((_before, after) => { if (after?.spec?.service !== undefined) lookAgain(); });
  await queue.run(shell.concurrency, (uid, stop) => settle(collector, uid, stop), signal);
  unsubscribe();
  unfollow();
  end();
}

/** Takes a kind's objects in, and follows them until the kind goes: with it, all of them. */
function collect(collector: Collector, informers: Informers, kind: Kind): () => void {
  const informer = informers.informer(kind);
  const unsubscribe = informer.onChange((before, after) => changed(collector, kind, before, after));
  return () => {
    unsubscribe();
    const isElsewhere = collector.kinds.all().some((one) => one.group === kind.group && one.plural === kind.plural);
    if (!isElsewhere) for (const object of informer.list()) gone(collector, nodeOf(kind, object), kind);
  };
}

function changed(collector: Collector, kind: Kind, before: KubernetesObject | undefined, after: KubernetesObject | undefined): void {
  const { graph, queue } = collector;
  const old = before === undefined ? undefined : nodeOf(kind, before);
  const node = after === undefined ? undefined : nodeOf(kind, after);
  // Deleted and made again between two events: the first is gone all the same.
  if (old !== undefined && old.uid !== node?.uid) gone(collector, old);
  if (node === undefined) return;
  graph.set(node);
  if (node.foreground || node.orphaning || node.owners.some((reference) => mayBeGone(graph.get(reference.uid), reference, node))) queue.add(node.uid);
  if (node.foreground) for (const dependent of graph.dependentsOf(node.uid)) queue.add(dependent.uid);
  // One that no longer names its owner, or no longer blocks it, may be the last that the owner waited for.
  for (const { uid } of old?.owners ?? []) if (graph.get(uid)?.foreground === true) queue.add(uid);
}

function mayBeGone(owner: GraphNode | undefined, reference: OwnerReference, dependent: GraphNode): boolean {
  return owner === undefined || owner.foreground || !isNamed(owner, reference, dependent);
}

/** `withKind`: the kind is no longer served, and this object may be there or not. */
function gone({ graph, queue, departed, undecided }: Collector, node: GraphNode, withKind?: Kind): void {
  if (graph.dependentsOf(node.uid).length > 0) departed.set(node.uid, withKind);
  for (const oldest of departed.keys()) {
    if (departed.size <= mostDeparted) break;
    departed.delete(oldest);
  }
  graph.delete(node.uid);
  undecided.delete(node.uid);
  for (const dependent of graph.dependentsOf(node.uid)) queue.add(dependent.uid);
  for (const { uid } of node.owners) if (graph.get(uid)?.foreground === true) queue.add(uid);
}

async function settle(collector: Collector, uid: string, signal: AbortSignal): Promise<{ readonly againAfterMs?: number } | void> {
  const { graph, client, undecided } = collector;
  undecided.delete(uid);
  const known = graph.get(uid);
  if (known === undefined || (known.deleting && !known.foreground && !known.orphaning)) return;
  const live = await ifPresent(client.get(known.kind, addressOf(known), signal));
  if (live?.metadata?.uid !== uid) return;
  const node = nodeOf(known.kind, live);
  const owners = await Promise.all(node.owners.map(async (reference) => ({ reference, state: await stateOf(collector, node, reference, signal) })));
  if (owners.some(({ state }) => state === 'unknown')) undecided.add(uid);
  await carry(collector, node, live, decide({ node, owners, dependents: graph.dependentsOf(uid) }), signal);
  if (owners.some(({ reference, state }) => (state === 'solid' || state === 'waiting') && collector.kinds.find(reference.apiVersion, reference.kind) === undefined)) return { againAfterMs: elsewhereMs };
}

function addressOf(node: GraphNode): { readonly namespace?: string; readonly name: string } {
  return node.namespace === '' ? { name: node.name } : { namespace: node.namespace, name: node.name };
}

async function ifPresent<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (isReason(error, 'NotFound')) return undefined;
    throw error;
  }
}

/**
 * Absence is never taken from a cache: the API is asked, by name, and the uid compared. Of a reference that nobody can follow (its
 * version or kind is not served, or it leads from the cluster into a namespace) nothing can be said.
 */
async function stateOf(collector: Collector, node: GraphNode, reference: OwnerReference, signal: AbortSignal): Promise<OwnerState> {
  const own = collector.kinds.find(reference.apiVersion, reference.kind);
  if (collector.departed.has(reference.uid) && await isGone(collector, reference.uid, own, signal)) return 'absent';
  const kind = own ?? collector.extensionKinds.find(reference.apiVersion, reference.kind);
  if (kind === undefined) return 'unknown';
  if (kind.scope === 'Namespaced' && node.namespace === '') {
    invalid(collector, node, reference);
    return 'unknown';
  }
  const cached = collector.graph.get(reference.uid);
  if (cached !== undefined && isNamed(cached, reference, node)) return cached.foreground ? 'waiting' : 'solid';
  const owner = await ifPresent(collector.client.get(kind, kind.scope === 'Cluster' ? { name: reference.name } : { namespace: node.namespace, name: reference.name }, signal));
  // Another server may answer with anything: that is no sign of absence.
  if (own === undefined && owner !== undefined && typeof owner.metadata?.uid !== 'string') return 'unknown';
  if (owner?.metadata?.uid !== reference.uid) {
    if (cached !== undefined && !isReachable(cached, node)) invalid(collector, node, reference);
    return 'absent';
  }
  return nodeOf(kind, owner).foreground ? 'waiting' : 'solid';
}

/** A kind that was taken away with its definition left no objects. */
async function isGone({ departed, client }: Collector, uid: string, served: Kind | undefined, signal: AbortSignal): Promise<boolean> {
  const kind = departed.get(uid);
  if (kind === undefined) return true;
  return served === undefined && await ifPresent(client.get(CustomResourceDefinition, { name: `${kind.plural}.${kind.group}` }, signal)) === undefined;
}

function invalid({ recorder }: Collector, node: GraphNode, reference: OwnerReference): void {
  const where = node.namespace === '' ? 'does not exist at cluster scope' : `does not exist in namespace "${node.namespace}"`;
  const about = referenceTo(node.kind, { metadata: { name: node.name, uid: node.uid, ...(node.namespace === '' ? {} : { namespace: node.namespace }) } });
  recorder.record(about, 'Warning', 'OwnerRefInvalidNamespace', `ownerRef [${reference.apiVersion}/${reference.kind}, namespace: ${node.namespace}, name: ${reference.name}, uid: ${reference.uid}] ${where}`);
}

async function carry(collector: Collector, node: GraphNode, live: KubernetesObject, decision: Decision, signal: AbortSignal): Promise<void> {
  const { client, queue } = collector;
  switch (decision.type) {
    case 'keep': return;
    case 'dropOwners': {
      await client.update(node.kind, withoutOwners(live, decision.uids), { signal });
      return;
    }
    case 'delete': {
      const { metadata } = decision.policy === 'Foreground' && decision.unblock ? await client.update(node.kind, withoutBlocking(live), { signal }) : live;
      const preconditions = { uid: node.uid, ...(metadata?.resourceVersion === undefined ? {} : { resourceVersion: metadata.resourceVersion }) };
      await ifPresent(client.delete(node.kind, addressOf(node), { propagationPolicy: decision.policy, preconditions, signal }));
      return;
    }
    case 'deleteDependents': {
      for (const { uid } of decision.dependents) queue.add(uid);
      return;
    }
    case 'release': {
      await client.update(node.kind, withoutFinalizer(live, foregroundFinalizer), { signal });
      return;
    }
    case 'orphanDependents': {
      await Promise.all(decision.dependents.map((dependent) => setFree(client, dependent, node.uid, signal)));
      await client.update(node.kind, withoutFinalizer(live, orphanFinalizer), { signal });
    }
  }
}

async function setFree(client: Client, dependent: GraphNode, owner: string, signal: AbortSignal): Promise<void> {
  const live = await ifPresent(client.get(dependent.kind, addressOf(dependent), signal));
  if (live?.metadata?.uid !== dependent.uid || !(live.metadata.ownerReferences ?? []).some(({ uid }) => uid === owner)) return;
  await ifPresent(client.update(dependent.kind, withoutOwners(live, [owner]), { signal }));
}

function withoutOwners<T extends KubernetesObject>(object: T, uids: readonly string[]): T {
  return { ...object, metadata: { ...object.metadata, ownerReferences: (object.metadata?.ownerReferences ?? []).filter(({ uid }) => !uids.includes(uid)) } };
}

function withoutBlocking<T extends KubernetesObject>(object: T): T {
  const ownerReferences = (object.metadata?.ownerReferences ?? []).map((reference) => ({ ...reference, blockOwnerDeletion: false }));
  return { ...object, metadata: { ...object.metadata, ownerReferences } };
}

function withoutFinalizer<T extends KubernetesObject>(object: T, finalizer: string): T {
  return { ...object, metadata: { ...object.metadata, finalizers: (object.metadata?.finalizers ?? []).filter((name) => name !== finalizer) } };
}
