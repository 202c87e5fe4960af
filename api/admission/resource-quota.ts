import { Pod, ResourceQuota } from '../../machinery/kinds/core.ts';
import type { KubernetesObject } from '../../machinery/kinds/kind.ts';
import type { Draft } from '../../machinery/kinds/wire.ts';
import { compare, zero } from '../../machinery/quantity.ts';
import { covers } from '../../machinery/quota/scopes.ts';
import { difference, readAmounts, sum, usageOf, writeAmount, type Usage } from '../../machinery/quota/usage.ts';
import { refused } from '../access/refused.ts';
import type { Charge, Codec, Companions, Quotas } from '../handlers/writer.ts';
import type { Caches, Entry } from '../store/cache.ts';
import type { Write } from '../store/store.ts';
import { missingAmounts } from './resource-quota/compute.ts';

/**
 * Quotas of a namespace. What an object counts for is added to `status.used` in the object's own transaction, which fails when
 * somebody else changed the quota meanwhile: however many create at once, no quota is ever exceeded. Writes of one namespace take
 * turns, so that they don't fail each other. What goes is counted off by the quota's controller. Source: "Resource quotas";
 * wording: the ResourceQuota plug-in of kube-apiserver.
 */

/** How long a cache may lag behind the store. */
const catchUpMs = 10_000;
const nothing: Companions = { compares: [], writes: [] };

export function createQuotas({ caches, codec }: { readonly caches: Caches; readonly codec: Pick<Codec, 'encode'> }): Quotas {
  const turns = new Map<string, Promise<unknown>>();

  /** One after the other within a namespace. */
  async function inTurn<T>(namespace: string, run: () => Promise<T>): Promise<T> {
    const before = turns.get(namespace) ?? Promise.resolve();
    const own = before.then(run);
    const ended = own.catch(() => undefined);
    turns.set(namespace, ended);
    try {
      return await own;
    } finally {
      if (turns.get(namespace) === ended) turns.delete(namespace);
    }
  }

  function companions(charge: Charge, quotas: Iterable<Entry<ResourceQuota>>): Companions {
    const spent = [...quotas].flatMap((entry) => {
      const used = spend(entry.object, charge);
      return used === undefined ? [] : [{ entry, used }];
    });
    const { resource } = caches.of(ResourceQuota);
    return {
      compares: spent.map(({ entry: { key, revision } }) => ({ key, revision })),
      writes: spent.map(({ entry, used }): Write => ({ type: 'put', key: entry.key, value: codec.encode(resource, withUsed(entry.object, used)) })),
    };
  }

  return {
    async charged(charge, write) {
      const namespace = charge.object.metadata?.namespace ?? '';
      const quotasOf = () => caches.of(ResourceQuota).list(namespace);
      if (charge.resource.scope !== 'Namespaced' || ![...quotasOf()].some(({ object }) => limits(object, charge))) return write(nothing);
      return inTurn(namespace, async () => {
        // A quota that another server changed may reach this server's cache late.
        if (charge.isRetry) await caches.waitForNewest(AbortSignal.timeout(catchUpMs));
        return write(companions(charge, quotasOf()));
      });
    },
  };
}

/** Is any of what the object counts for limited? What isn't waits for nobody. Pods have to say what they ask, whatever they count for. */
function limits({ status }: ResourceQuota, { resource, object }: Charge): boolean {
  const hard = status?.hard ?? {};
  if (Object.keys(hard).length === 0) return false;
  return (resource.group === '' && resource.plural === Pod.plural) || [...usageOf(resource, object).keys()].some((name) => Object.hasOwn(hard, name));
}

function withUsed(quota: ResourceQuota, used: Usage): KubernetesObject {
  const draft = structuredClone(quota) as Draft<ResourceQuota>;
  draft.status = { ...draft.status, used: { ...draft.status?.used, ...Object.fromEntries([...used].map(([name, amount]) => [name, writeAmount(name, amount)])) } };
  return draft;
}

/** What the quota has used afterwards, of what changes; undefined: it isn't concerned. Throws 403. */
function spend(quota: ResourceQuota, { resource, object, old }: Charge): Usage | undefined {
  const hard = readAmounts(quota.status?.hard);
  if (hard.size === 0 || !covers(quota, resource, object)) return undefined;
  const forbid = (why: string) => refused({ group: resource.group, resource: resource.plural, name: object.metadata?.name ?? '' }, why);
  const { name: quotaName = '' } = quota.metadata ?? {};
  if (old === undefined && resource.group === '' && resource.plural === Pod.plural) {
    const missing = missingAmounts(object as Pod, hard);
    if (missing !== undefined) throw forbid(`failed quota: ${quotaName}: must specify ${missing}`);
  }
  const before: Usage = old !== undefined && covers(quota, resource, old) ? usageOf(resource, old) : new Map();
  const asked = new Map([...difference(usageOf(resource, object), before)].filter(([name, amount]) => hard.has(name) && compare(amount, zero) > 0));
  if (asked.size === 0) return undefined;
  const used = readAmounts(quota.status?.used);
  const unknown = [...asked.keys()].filter((name) => !used.has(name));
  if (unknown.length > 0) throw forbid(`status unknown for quota: ${quotaName}, resources: ${unknown.toSorted().join(',')}`);
  const after = new Map([...sum(used, asked)].filter(([name]) => asked.has(name)));
  const exceeded = [...after].filter(([name, amount]) => compare(amount, hard.get(name) ?? zero) > 0).map(([name]) => name).toSorted();
  if (exceeded.length === 0) return after;
  const shown = (amounts: Usage) => exceeded.map((name) => `${name}=${writeAmount(name, amounts.get(name) ?? zero)}`).join(',');
  throw forbid(`exceeded quota: ${quotaName}, requested: ${shown(asked)}, used: ${shown(used)}, limited: ${shown(hard)}`);
}
