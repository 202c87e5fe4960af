import { PersistentVolumeClaim, Pod, ResourceQuota, Service } from '../machinery/kinds/core.ts';
import type { Kind, KubernetesObject } from '../machinery/kinds/kind.ts';
import { covers } from '../machinery/quota/scopes.ts';
import { countName, readAmounts, sum, usageOf, writeAmounts, type Usage } from '../machinery/quota/usage.ts';
import { compare, zero } from '../machinery/quantity.ts';
import { isReason } from '../machinery/status.ts';
import type { Client } from '../client/client.ts';
import { keyOf } from '../client/informer-store.ts';
import type { Caches } from './caches.ts';
import { defineController, watching, type Controller } from './define.ts';
import type { Kinds } from './kinds.ts';
import { requeueAfter, status, type Step } from './steps.ts';

/**
 * Keeps a quota's `status.used` true: what is created is counted by admission as it is stored, what goes or shrinks is counted
 * off here. Source: "Resource quotas".
 */

export interface Observed {
  /** The quota as the API has it; undefined: it is gone. */
  readonly quota: ResourceQuota | undefined;
  readonly used: Usage;
}

/** Everything is counted anew that often, whatever was missed. */
const resyncMs = 300_000;

/** `kinds`: all that can be counted. */
export function resourceQuotaController(kinds: Kinds): Controller {
  return defineController<ResourceQuota, Observed>({
    name: 'resourcequota',
    primary: ResourceQuota,
    watches: [
      watching(Pod, quotasAround, (before, after) => shrinks(Pod, before, after)),
      watching(Service, quotasAround, (before, after) => shrinks(Service, before, after)),
      watching(PersistentVolumeClaim, quotasAround, (before, after) => shrinks(PersistentVolumeClaim, before, after)),
    ],
    watchesEach: { kinds, watch: (kind) => watching(kind, quotasAround, (_before, after) => after === undefined) },
    async observe(quota, { client, signal }) {
      // Asked of the API itself, the quota before its objects: whatever is created in between changes the quota, and the write below fails.
      const newest = await client.get(ResourceQuota, { namespace: quota.metadata?.namespace ?? '', name: quota.metadata?.name ?? '' }, signal).catch((error: unknown) => {
        if (isReason(error, 'NotFound')) return undefined;
        throw error;
      });
      return { quota: newest, used: newest === undefined ? new Map() : await count(client, newest, kinds.all(), signal) };
    },
    plan: (_quota, observed) => plan(observed),
  });
}

function quotasAround(object: KubernetesObject, caches: Caches): readonly string[] {
  return caches.of(ResourceQuota).inNamespace(object.metadata?.namespace ?? '').map(keyOf);
}

/** Does it count for less than before? */
function shrinks(kind: Kind, before: KubernetesObject | undefined, after: KubernetesObject | undefined): boolean {
  if (before === undefined) return false;
  if (after === undefined) return true;
  const now = usageOf(kind, after);
  return [...usageOf(kind, before)].some(([name, amount]) => compare(amount, now.get(name) ?? zero) > 0);
}

async function count(client: Client, quota: ResourceQuota, kinds: readonly Kind[], signal: AbortSignal): Promise<Usage> {
  const names = Object.keys(quota.spec?.hard ?? {});
  const counted = kinds.filter((kind) => kind.scope === 'Namespaced' && names.some((name) => isOf(kind, name)));
  let used: Usage = new Map();
  for (const kind of counted) {
    const { items } = await client.list(kind, { namespace: quota.metadata?.namespace ?? '', signal });
    for (const object of items) if (covers(quota, kind, object)) used = sum(used, usageOf(kind, object));
  }
  return used;
}

/** Do objects of the kind count for what the quota calls `name`? */
function isOf(kind: Kind, name: string): boolean {
  if (name === countName(kind)) return true;
  if (kind.group !== '') return false;
  switch (kind.plural) {
    case 'pods': return name === 'pods' || (!name.startsWith('count/') && !name.startsWith('services') && !name.includes('storage.k8s.io/') && name !== 'requests.storage');
    case 'services': return name === 'services' || name.startsWith('services.');
    case 'persistentvolumeclaims': return name === 'persistentvolumeclaims' || name === 'requests.storage' || name.includes('.storageclass.storage.k8s.io/');
    default: return name === kind.plural;
  }
}

export function plan({ quota, used }: Observed): readonly Step[] {
  if (quota === undefined || quota.metadata?.deletionTimestamp !== undefined) return [];
  const hard = quota.spec?.hard ?? {};
  const counted = new Map(Object.keys(hard).map((name) => [name, used.get(name) ?? zero]));
  return [...(isSame(quota, hard, counted) ? [] : [status(ResourceQuota, quota, { hard: { ...hard }, used: writeAmounts(counted) })]), requeueAfter(resyncMs)];
}

/** Equal amounts, however they are written. */
function isSame({ status: old }: ResourceQuota, hard: Readonly<Record<string, string>>, used: Usage): boolean {
  return equal(readAmounts(old?.hard), readAmounts(hard)) && equal(readAmounts(old?.used), used);
}

function equal(a: Usage, b: Usage): boolean {
  return a.size === b.size && [...a].every(([name, amount]) => b.has(name) && compare(amount, b.get(name) ?? zero) === 0);
}
