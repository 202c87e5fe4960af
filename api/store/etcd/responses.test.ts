import type { IWatchResponse } from 'etcd3';
import { describe, expect, it } from 'vitest';
import { createKeyspace } from './requests.ts';
import { createResponses } from './responses.ts';

function response(events: readonly (readonly [key: string, revision: number])[], fragment = false): IWatchResponse {
  return {
    header: { cluster_id: '0', member_id: '0', revision: '999', raft_term: '0' },
    watch_id: '0', created: false, canceled: false, compact_revision: '0', cancel_reason: '', fragment,
    events: events.map(([key, revision]) => {
      const kv = { key: Buffer.from(`/root${key}`), value: Buffer.from('v'), create_revision: '1', mod_revision: `${revision}`, version: '1', lease: '0' };
      return { type: 'Put', kv, prev_kv: kv };
    }),
  };
}

function given(groups: ReturnType<ReturnType<typeof createResponses>['add']>): (readonly [number, number])[] {
  return groups.map(({ revision, events }) => [revision, events.length]);
}

describe('answers to a watch', () => {
  it('are taken apart by revision', () => {
    const responses = createResponses(createKeyspace('/root'), 4);
    expect(given(responses.add(response([['/a', 4], ['/b', 4], ['/a', 6]])))).toEqual([[4, 2], [6, 1]]);
    expect(responses.next).toBe(7);
  });

  it('in fragments are given when the last has come', () => {
    const responses = createResponses(createKeyspace('/root'), 4);
    expect(given(responses.add(response([['/a', 4]], true)))).toEqual([]);
    expect(responses.next).toBe(4);
    expect(given(responses.add(response([['/b', 4]])))).toEqual([[4, 2]]);
  });

  it('without events say nothing about progress, whatever their header says', () => {
    const responses = createResponses(createKeyspace('/root'), 4);
    expect(responses.add(response([]))).toEqual([]);
    expect(responses.next).toBe(4);
  });

  it('that repeat what was given are passed over', () => {
    const responses = createResponses(createKeyspace('/root'), 4);
    responses.add(response([['/a', 5]]));
    expect(given(responses.add(response([['/a', 5], ['/a', 6]])))).toEqual([[6, 1]]);
  });
});
