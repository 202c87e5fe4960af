import { inBatches } from '../../machinery/in-batches.ts';
import { Node } from '../../machinery/kinds/core.ts';
import { ask } from '../aggregation/ask.ts';
import { agentOf } from '../handlers/subresources/agent.ts';
import type { ProxyTarget } from '../request.ts';
import { node } from '../resources/core/node.ts';
import type { Caches } from '../store/cache.ts';
import { usageOf, type NodeUsage } from './node-usage.ts';

/** What nodes use, as their agents say. */
export interface NodeUsages {
  /** By node; one that does not answer is missing. */
  of(nodes: Iterable<string>, signal: AbortSignal): Promise<ReadonlyMap<string, NodeUsage>>;
}

export interface NodeUsagesOptions {
  readonly caches: Caches;
  /** How this server shows itself to agents, and by which authority it judges them. */
  readonly tls: Exclude<ProxyTarget['tls'], 'agent' | undefined>;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** Those who look together see the same; an autoscaler's next look is a new one. */
const freshMs = 3000;
const answerMs = 5000;
const askedAtOnce = 32;

export function createNodeUsages({ caches, tls, now }: NodeUsagesOptions): NodeUsages {
  const known = new Map<string, { readonly at: number; readonly usage: Promise<NodeUsage | undefined> }>();

  async function askNode(name: string): Promise<NodeUsage | undefined> {
    try {
      const agent = agentOf({ caches }, node, name, '/stats/summary', new URLSearchParams({ only_cpu_and_memory: 'true' }));
      const { code, body } = await ask({ host: agent.host, port: agent.port, path: agent.path, tls }, { accept: 'application/json' }, AbortSignal.timeout(answerMs));
      return code === 200 ? usageOf(JSON.parse(body.toString())) : undefined;
    } catch {
      // A node that can't be asked has no metrics: its conditions tell why.
      return undefined;
    }
  }

  function usageOfNode(name: string): Promise<NodeUsage | undefined> {
    const present = known.get(name);
    if (present !== undefined && now() - present.at < freshMs) return present.usage;
    const usage = askNode(name);
    known.set(name, { at: now(), usage });
    return usage;
  }

  return {
    async of(nodes, signal) {
      for (const name of known.keys()) if (caches.of(Node).get(undefined, name) === undefined) known.delete(name);
      const found = new Map<string, NodeUsage>();
      await inBatches([...new Set(nodes)], askedAtOnce, async (name) => {
        signal.throwIfAborted();
        const usage = await usageOfNode(name);
        if (usage !== undefined) found.set(name, usage);
      });
      return found;
    },
  };
}
