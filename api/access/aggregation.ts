import { isDeepStrictEqual } from 'node:util';
import { ClusterRole, type PolicyRule } from '../../machinery/kinds/cluster.ts';
import type { Draft } from '../../machinery/kinds/wire.ts';
import { matches, selectorOf } from '../../machinery/selectors.ts';
import { isReason } from '../../machinery/status.ts';
import { trackUpdate, writeAs } from '../field-management/track.ts';
import { changeObject, type Outcome, type Writer } from '../handlers/writer.ts';
import { clusterRole } from '../resources/rbac/cluster-role.ts';
import { follow } from './follow.ts';

/** Writes the rules of aggregated ClusterRoles: those of every role that their selectors choose. Source: "Aggregated ClusterRoles". */

/** The rules that an aggregated role has by rights; undefined: it isn't one. Pure. */
function aggregatedRules(role: ClusterRole, roles: readonly ClusterRole[]): PolicyRule[] | undefined {
  const selectors = role.aggregationRule?.clusterRoleSelectors;
  if (selectors === undefined) return undefined;
  const name = role.metadata?.name;
  const sources = roles.filter((one) => one.metadata?.name !== name).toSorted((a, b) => compare(a.metadata?.name ?? '', b.metadata?.name ?? ''));
  const rules: PolicyRule[] = [];
  for (const selector of selectors.map(selectorOf)) {
    for (const source of sources.filter(({ metadata }) => matches(selector, metadata?.labels))) {
      for (const rule of source.rules ?? []) if (!rules.some((one) => isDeepStrictEqual(one, rule))) rules.push(rule);
    }
  }
  return rules;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

export interface AggregationDependencies {
  readonly writer: Writer;
  /** What could not be done, and for which role: the log's. */
  readonly report: (error: unknown, name: string) => void;
}

/** Starts; `close()` ends it and resolves when the write at hand is done. */
export function runAggregation({ writer, report }: AggregationDependencies): { close(): Promise<void> } {
  let stale = false;
  let busy = false;
  let working: Promise<void> = Promise.resolve();
  const settle = async (): Promise<void> => {
    // Several roles often change together: look when they all have.
    await Promise.resolve();
    while (stale) {
      stale = false;
      await aggregateAll(writer, report);
    }
    busy = false;
  };
  const changed = (): void => {
    stale = true;
    if (busy) return;
    busy = true;
    working = settle();
  };
  const following = follow(writer.caches, ClusterRole, { reset: changed, set: changed, remove: changed });
  return {
    async close() {
      following.close();
      stale = false;
      await working;
    },
  };
}

async function aggregateAll(writer: Writer, report: AggregationDependencies['report']): Promise<void> {
  const read = (): ClusterRole[] => [...writer.caches.of(ClusterRole).list()].map(({ object }) => object);
  for (const role of read()) {
    const name = role.metadata?.name ?? '';
    if (role.aggregationRule === undefined) continue;
    try {
      await changeObject(writer, clusterRole, '', name, false, (current): Outcome => {
        const now = current.object as ClusterRole;
        const rules = aggregatedRules(now, read());
        if (rules === undefined || isDeepStrictEqual(rules, now.rules ?? [])) return { type: 'keep' };
        const draft = { ...structuredClone(now), rules } as Draft<ClusterRole>;
        trackUpdate(writeAs('clusterrole-aggregation-controller', writer, clusterRole), draft, now);
        return { type: 'put', object: draft };
      });
    } catch (error) {
      if (!isReason(error, 'NotFound')) report(error, name);
    }
  }
}
