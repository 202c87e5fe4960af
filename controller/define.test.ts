import { describe, expect, it } from 'vitest';
import { manualClock } from '../machinery/clock.ts';
import { ConfigMap, Secret } from '../machinery/kinds/core.ts';
import type { KubernetesObject } from '../machinery/kinds/kind.ts';
import { failure } from '../machinery/status.ts';
import { createClient } from '../client/client.ts';
import { silentLog } from '../client/log.ts';
import type { ApiRequest, Transport, WatchEvent } from '../client/transport.ts';
import { createInformers } from './caches.ts';
import { defineController, type Controller, type Shell } from './define.ts';
import { event, status, type Step } from './steps.ts';

/** An API whose watches the test feeds by hand: caches lag as long as it likes. */
interface Remote extends Transport {
  readonly writes: ApiRequest[];
  send(resource: string, event: WatchEvent): void;
  /** What the next write answers. */
  answer: (request: ApiRequest) => KubernetesObject;
}

function remote(initial: readonly KubernetesObject[]): Remote {
  const feeds = new Map<string, (event: WatchEvent) => void>();
  const self: Remote = {
    writes: [],
    answer: (request) => ({ ...(request.body as KubernetesObject) }),
    send: (resource, one) => feeds.get(resource)?.(one),
    async request(request) {
      if (request.verb === 'list') {
        return { metadata: { resourceVersion: '10' }, items: request.resource === 'configmaps' ? initial : [] } as KubernetesObject;
      }
      self.writes.push(request);
      return self.answer(request);
    },
    async *watch(request) {
      const queue: WatchEvent[] = [];
      let wake: (() => void) | undefined;
      feeds.set(request.resource, (one) => {
        queue.push(one);
        wake?.();
      });
      request.signal?.addEventListener('abort', () => wake?.());
      while (request.signal?.aborted !== true) {
        const one = queue.shift();
        if (one === undefined) await new Promise<void>((resolve) => { wake = resolve; });
        else yield [one];
      }
    },
  };
  return self;
}

const random = (): number => 0;
const map = (revision: number, data: Record<string, string> = {}): ConfigMap => ({ metadata: { namespace: 'default', name: 'a', uid: 'u', resourceVersion: String(revision) }, data });
const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => { setImmediate(resolve); });
};

async function running(controller: Controller, api: Remote, test: (clock: ReturnType<typeof manualClock>, told: string[]) => Promise<void>): Promise<void> {
  const stop = new AbortController();
  const clock = manualClock();
  const client = createClient(api);
  const told: string[] = [];
  const informers = createInformers(client, { clock, log: silentLog, random, freeze: true });
  const shell: Shell = {
    client, informers, clock, random, log: silentLog, concurrency: 2, metrics: { reconciled: () => undefined },
    recorder: () => ({ record: (_about, _type, reason, message) => void told.push(`${reason}: ${message}`), drain: () => Promise.resolve() }),
  };
  const ended = [informers.run(stop.signal), controller.run(shell, stop.signal)];
  try {
    await settle();
    await test(clock, told);
  } finally {
    stop.abort();
    await Promise.all(ended);
  }
}

/** Makes a Secret for each ConfigMap, and counts how often it planned. */
function secretMaker(plans: string[], steps: (map: ConfigMap) => readonly Step[], more: { planFailure?: () => readonly Step[] } = {}): Controller {
  return defineController<ConfigMap, undefined>({
    name: 'secret-maker', primary: ConfigMap, watches: [{ kind: Secret, keys: () => ['default/a'] }],
    observe: () => undefined,
    plan(object) {
      plans.push(object.metadata?.resourceVersion ?? '');
      return steps(object);
    },
    ...more,
  });
}

const tell = (): readonly Step[] => [event({ kind: 'ConfigMap', name: 'a' }, 'Warning', 'Failed', 'could not')];

describe('a defined controller', () => {
  const create: Step = { type: 'create', kind: Secret, object: { metadata: { namespace: 'default', name: 'a' } } };

  it('plans what is there when it starts, and what changes', () => {
    const plans: string[] = [];
    const api = remote([map(5)]);
    return running(secretMaker(plans, () => []), api, async () => {
      expect(plans).toEqual(['5']);
      api.send('configmaps', { type: 'MODIFIED', object: map(11) });
      await settle();
      expect(plans).toEqual(['5', '11']);
    });
  });

  it('never plans a key again before the caches show what it wrote for it', () => {
    const plans: string[] = [];
    const api = remote([map(5)]);
    api.answer = () => ({ metadata: { namespace: 'default', name: 'a', uid: 's', resourceVersion: '20' } });
    return running(secretMaker(plans, () => (plans.length === 1 ? [create] : [])), api, async () => {
      api.send('configmaps', { type: 'MODIFIED', object: map(30) });
      await settle();
      expect(plans).toEqual(['5']);
      api.send('secrets', { type: 'ADDED', object: { metadata: { namespace: 'default', name: 'a', uid: 's', resourceVersion: '20' } } });
      await settle();
      expect(plans[1]).toBe('30');
    });
  });

  it('stays held when a cache takes too long, and goes on when it has caught up', () => {
    const plans: string[] = [];
    const api = remote([map(5)]);
    api.answer = () => ({ metadata: { namespace: 'default', name: 'a', uid: 's', resourceVersion: '20' } });
    return running(secretMaker(plans, () => (plans.length === 1 ? [create] : [])), api, async (clock) => {
      api.send('configmaps', { type: 'MODIFIED', object: map(30) });
      await settle();
      clock.advance(31_000);
      await settle();
      clock.advance(1000);
      await settle();
      expect(plans).toEqual(['5']);
      api.send('secrets', { type: 'BOOKMARK', object: { metadata: { resourceVersion: '25' } } });
      await settle();
      expect(plans).toEqual(['5', '30']);
    });
  });

  it('writes no status that would change nothing', () => {
    const present = { ...map(5), status: { seen: 1 } };
    const api = remote([present]);
    const same = secretMaker([], (object) => [status(ConfigMap as never, object, { seen: 1, unset: undefined } as never)]);
    return running(same, api, async () => {
      expect(api.writes).toEqual([]);
    });
  });

  it('backs off after a failure, and says first what the plan for failures says', () => {
    const plans: string[] = [];
    const api = remote([map(5)]);
    api.answer = () => {
      throw failure('InternalError', 'no');
    };
    return running(secretMaker(plans, () => [create], { planFailure: tell }), api, async (clock, told) => {
      expect(plans).toHaveLength(1);
      expect(told).toEqual(['Failed: could not']);
      clock.advance(5);
      await settle();
      expect(plans).toHaveLength(2);
    });
  });

  it('comes back when a plan asks for it', () => {
    const plans: string[] = [];
    return running(secretMaker(plans, () => (plans.length < 2 ? [{ type: 'requeueAfter', ms: 9000 }, { type: 'requeueAfter', ms: 7000 }] : [])), remote([map(5)]), async (clock) => {
      clock.advance(6999);
      await settle();
      expect(plans).toHaveLength(1);
      clock.advance(1);
      await settle();
      expect(plans).toHaveLength(2);
    });
  });

  it('tries no more of many creations once a small batch has failed', () => {
    const api = remote([map(5)]);
    api.answer = () => {
      throw failure('Forbidden', 'exceeded quota');
    };
    return running(secretMaker([], () => [{ type: 'slowStart', steps: Array.from({ length: 100 }, () => create) }]), api, async () => {
      expect(api.writes).toHaveLength(1);
    });
  });
});
