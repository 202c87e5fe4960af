import { describe, expect, it } from 'vitest';
import { manualClock, type ManualClock } from '../machinery/clock.ts';
import { ConfigMap } from '../machinery/kinds/core.ts';
import type { KubernetesObject } from '../machinery/kinds/kind.ts';
import { failure } from '../machinery/status.ts';
import { createClient } from './client.ts';
import { createInformer, type Informer } from './informer.ts';
import type { ApiRequest, Transport, WatchEvent } from './transport.ts';

/** The remote party: lists that it answers in turn, and watches that the test feeds. */
interface Remote extends Transport {
  readonly requests: ApiRequest[];
  readonly watches: Feed[];
  opened(count: number): Promise<Feed>;
}

interface Feed {
  send(...events: WatchEvent[]): void;
  end(error?: Error): void;
}

function remote(lists: readonly (KubernetesObject | Error)[]): Remote {
  const requests: ApiRequest[] = [];
  const watches: Feed[] = [];
  const left = [...lists];
  let notify: (() => void) | undefined;
  return {
    requests,
    watches,
    async request(request) {
      requests.push(request);
      const answer = left.shift();
      if (answer instanceof Error) throw answer;
      if (answer === undefined) throw failure('ServiceUnavailable', 'no list is left');
      return answer;
    },
    async *watch(request) {
      requests.push(request);
      const queue: (readonly WatchEvent[] | Error | 'end')[] = [];
      let wake: (() => void) | undefined;
      const put = (item: readonly WatchEvent[] | Error | 'end'): void => {
        queue.push(item);
        wake?.();
      };
      watches.push({ send: (...events) => put(events), end: (error) => put(error ?? 'end') });
      notify?.();
      request.signal?.addEventListener('abort', () => put('end'));
      for (;;) {
        const item = queue.shift();
        if (item === undefined) await new Promise<void>((resolve) => { wake = resolve; });
        else if (item === 'end') return;
        else if (item instanceof Error) throw item;
        else yield item;
      }
    },
    async opened(count) {
      while (watches.length < count) await new Promise<void>((resolve) => { notify = resolve; });
      const feed = watches[count - 1];
      if (feed === undefined) throw new Error('no such watch');
      return feed;
    },
  };
}

const map = (name: string, revision: number, data: Record<string, string> = {}): ConfigMap => ({
  metadata: { namespace: 'default', name, uid: `uid-${name}`, resourceVersion: String(revision) }, data,
});
const list = (revision: number, items: readonly ConfigMap[], next = ''): KubernetesObject => (
  { metadata: { resourceVersion: String(revision), ...(next === '' ? {} : { continue: next }) }, items } as KubernetesObject
);
const bookmark = (revision: number): WatchEvent => ({ type: 'BOOKMARK', object: { metadata: { resourceVersion: String(revision) } } });

async function withInformer(
  lists: readonly (KubernetesObject | Error)[],
  run: (tools: { informer: Informer<ConfigMap>; api: Remote; clock: ManualClock; seen: string[]; signal: AbortSignal }) => Promise<void>,
): Promise<void> {
  const stop = new AbortController();
  const clock = manualClock();
  const api = remote(lists);
  const informer = createInformer(createClient(api), ConfigMap, {
    clock, random: () => 0, freeze: true, indexes: { colour: (object) => [object.data?.['colour'] ?? 'none'] },
  });
  const seen: string[] = [];
  informer.onChange((before, after) => seen.push(`${before?.metadata?.resourceVersion ?? '-'}>${after?.metadata?.resourceVersion ?? '-'}`));
  const running = informer.run(stop.signal);
  try {
    await run({ informer, api, clock, seen, signal: AbortSignal.any([stop.signal, AbortSignal.timeout(5000)]) });
  } finally {
    stop.abort();
    await running;
  }
}

/** Lets what is pending in this turn happen. */
const settle = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve); });

describe('an informer', () => {
  it('lists page by page, then watches from the revision of the list', () => withInformer(
    [list(7, [map('a', 3)], 'more'), list(7, [map('b', 5)])],
    async ({ informer, api, signal, seen }) => {
      await informer.waitForSync(signal);
      await api.opened(1);
      expect(informer.list().map((object) => object.metadata?.name)).toEqual(['a', 'b']);
      expect(api.requests.map(({ verb, query }) => [verb, query?.['continue'], query?.['resourceVersion']])).toEqual([
        ['list', undefined, undefined], ['list', 'more', undefined], ['watch', undefined, '7'],
      ]);
      expect(seen).toEqual(['->3', '->5']);
      expect(informer.behind).toBeUndefined();
    },
  ));

  it('keeps objects and indexes up to date with the watch', () => withInformer([list(7, [map('a', 3)])], async ({ informer, api, signal, seen }) => {
    const feed = await api.opened(1);
    feed.send({ type: 'MODIFIED', object: map('a', 8, { colour: 'red' }) }, { type: 'ADDED', object: map('b', 9, { colour: 'red' }) });
    await informer.waitForRevision('9', signal);
    expect(informer.byIndex('colour', 'red')).toHaveLength(2);
    expect(informer.byIndex('colour', 'none')).toHaveLength(0);
    feed.send({ type: 'DELETED', object: map('a', 10, { colour: 'red' }) });
    await informer.waitForRevision('10', signal);
    expect(informer.get('default/a')).toBeUndefined();
    expect(seen).toEqual(['->3', '3>8', '->9', '8>-']);
  }));

  it('moves on with bookmarks and resumes after the last one', () => withInformer([list(7, [])], async ({ informer, api, signal, clock }) => {
    const first = await api.opened(1);
    first.send(bookmark(20));
    await informer.waitForRevision('20', signal);
    first.end(failure('ServiceUnavailable', 'going away'));
    await settle();
    expect(informer.behind).toBe('going away');
    clock.advance(60_000);
    await api.opened(2);
    expect(api.requests.at(-1)?.query?.['resourceVersion']).toBe('20');
  }));

  it('resumes after what a broken watch had brought, so that no object goes back in time', () => withInformer([list(7, [])], async ({ api, clock, informer, signal }) => {
    const first = await api.opened(1);
    first.send({ type: 'ADDED', object: map('a', 8) }, { type: 'MODIFIED', object: map('a', 9) });
    await informer.waitForRevision('9', signal);
    first.end(new Error('cut'));
    await settle();
    clock.advance(60_000);
    await api.opened(2);
    expect(api.requests.at(-1)?.query?.['resourceVersion']).toBe('9');
  }));

  it('lists again when its revision is gone, and tells what has changed meanwhile', () => withInformer(
    [list(7, [map('a', 3), map('b', 4)]), list(30, [map('b', 25)])],
    async ({ informer, api, clock, seen, signal }) => {
      (await api.opened(1)).end(failure('Expired', 'too old resource version'));
      await settle();
      clock.advance(60_000);
      await informer.waitForRevision('30', signal);
      expect(seen).toEqual(['->3', '->4', '3>-', '4>25']);
    },
  ));

  it('lists again at once when its revision is gone after a while', () => withInformer([list(7, []), list(30, [map('b', 25)])], async ({ informer, api, clock, signal }) => {
    const feed = await api.opened(1);
    clock.advance(5000);
    feed.end(failure('Expired', 'too old resource version'));
    await informer.waitForRevision('30', signal);
  }));

  it('opens a silent watch anew', () => withInformer([list(7, [])], async ({ api, clock }) => {
    await api.opened(1);
    clock.advance(150_000);
    await api.opened(2);
  }));

  it('backs off from a failing list and says why it is behind', () => withInformer(
    [failure('Forbidden', 'configmaps is forbidden'), list(7, [])],
    async ({ informer, clock, signal }) => {
      await settle();
      expect(informer.synced).toBe(false);
      expect(informer.behind).toBe('configmaps is forbidden');
      clock.advance(100);
      await informer.waitForSync(signal);
    },
  ));

  it('gives a late handler the objects that are there', () => withInformer([list(7, [map('a', 3)])], async ({ informer, signal }) => {
    await informer.waitForSync(signal);
    const late: (string | undefined)[] = [];
    informer.onChange((_before, after) => late.push(after?.metadata?.name));
    expect(late).toEqual(['a']);
  }));

  it('hands out objects that nobody can change', () => withInformer([list(7, [map('a', 3, { colour: 'red' })])], async ({ informer, signal }) => {
    await informer.waitForSync(signal);
    expect(() => Reflect.set(informer.get('default/a')?.data ?? {}, 'colour', 'blue')).not.toThrow();
    expect(informer.get('default/a')?.data?.['colour']).toBe('red');
  }));

  it('rejects who waits for a revision when the wait is aborted', () => withInformer([list(7, [])], async ({ informer }) => {
    const given = new AbortController();
    const waiting = informer.waitForRevision('99', given.signal);
    given.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
  }));
});
