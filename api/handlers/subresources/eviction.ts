import { setCondition } from '../../../machinery/conditions.ts';
import { Pod } from '../../../machinery/kinds/core.ts';
import { defineKind, type KubernetesObject } from '../../../machinery/kinds/kind.ts';
import { PodDisruptionBudget, type Eviction } from '../../../machinery/kinds/policy.ts';
import type { Draft } from '../../../machinery/kinds/wire.ts';
import { failure } from '../../../machinery/status.ts';
import type { Call, Result } from '../../request.ts';
import { defineResource } from '../../resources/define.ts';
import type { Entry } from '../../store/cache.ts';
import { requireReadable } from '../../store/unreadable.ts';
import { admitThrough, judgedAlready } from '../admitted.ts';
import { deleteWith } from '../delete.ts';
import { optionsFrom } from '../delete-options.ts';
import { handlerKey, storedBytes, type Companions, type CompanionSource, type Writer } from '../writer.ts';
import { success } from './answers.ts';
import { budgetOf, isFreeToGo, isUncounted, spend } from './disruption-budget.ts';

export const evictions = defineResource(defineKind<Eviction>('policy', 'v1', 'Eviction', 'evictions'), { stored: false });

/**
 * POST `pods/eviction`: a deletion that asks first. What a disruption budget has left is counted down in the deletion's own
 * transaction: two evictions never share one disruption. Source: "API-initiated eviction".
 */
export async function evict(writer: Writer, call: Call): Promise<Result> {
  const { resource, info, body, query } = call;
  if (body === undefined) throw failure('BadRequest', 'the request has no body: send an Eviction');
  const eviction = writer.codec.decode(evictions, body, { fieldValidation: query['fieldValidation'], warn: call.warn }) as Draft<Eviction>;
  const { name = info.name } = eviction.metadata ?? {};
  if (name !== info.name) throw failure('BadRequest', `name in URL does not match name in Eviction object: ${JSON.stringify(name)}, ${JSON.stringify(info.name)}`);
  await admitThrough(writer, call, eviction, { operation: 'CREATE', subresource: 'eviction', written: evictions });
  const companions = new Map([...(writer.companions ?? []), [handlerKey(Pod), budgets(writer, call)] as const]);
  await deleteWith({ ...writer, companions, admission: judgedAlready }, call, info.name, optionsFrom(eviction.deleteOptions ?? {}, query), (pod) => marked(pod, writer.now()));
  return success(resource, 201);
}

/** Tells whoever looks at the pod's end that it was asked to make room. Source: "Pod disruption conditions". */
function marked(object: KubernetesObject, now: number): KubernetesObject {
  const pod = object as Pod;
  const condition = { type: 'DisruptionTarget', status: 'True', reason: 'EvictionByEvictionAPI', message: 'Eviction API: evicting' };
  const evicted: Pod = { ...pod, status: { ...pod.status, conditions: setCondition(pod.status?.conditions, condition, now) } };
  return evicted;
}

/** The budget that an eviction counts down, beside what pods' writes bring along anyway. */
function budgets(writer: Writer, call: Call): CompanionSource {
  const others = writer.companions?.get(handlerKey(Pod));
  let isFirst = true;

  async function counted(pod: Pod): Promise<Companions> {
    // A budget that somebody else spent meanwhile may reach this server's cache late.
    if (!isFirst) await writer.caches.waitForNewest(call.signal);
    isFirst = false;
    if (isFreeToGo(pod)) return { compares: [], writes: [] };
    const cache = writer.caches.of(PodDisruptionBudget);
    requireReadable(cache);
    const entry: Entry<PodDisruptionBudget> | undefined = budgetOf(pod, cache.list(pod.metadata?.namespace));
    if (entry === undefined || isUncounted(pod, entry.object)) return { compares: [], writes: [] };
    const spent = spend(entry.object, pod.metadata?.name ?? '', writer.now());
    return {
      compares: [{ key: entry.key, revision: entry.revision }],
      writes: [{ type: 'put', key: entry.key, value: await storedBytes(writer, cache.resource, spent as Draft<KubernetesObject>) }],
    };
  }

  const both = async (pod: KubernetesObject, more: Promise<Companions> | undefined): Promise<Companions> => {
    const [own, other] = [await counted(pod), await more];
    return { compares: [...own.compares, ...(other?.compares ?? [])], writes: [...own.writes, ...(other?.writes ?? [])] };
  };
  return {
    create: () => Promise.resolve({ compares: [], writes: [] }),
    update: (draft, old) => both(old, others?.update(draft, old)),
    remove: (object) => both(object, others?.remove(object)),
  };
}
