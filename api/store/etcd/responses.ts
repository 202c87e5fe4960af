/** What a watch's answers say, put together again. Pure. */
import type { IWatchResponse } from 'etcd3';
import type { Revision, StoreEvent } from '../store.ts';
import { keyValueOf, type Keyspace } from './requests.ts';

export interface RevisionEvents {
  readonly revision: Revision;
  readonly events: readonly StoreEvent[];
}

export interface Responses {
  /** Whole revisions, in order; none while a fragmented answer goes on. Those before `next` were given already. */
  add(response: IWatchResponse): readonly RevisionEvents[];
  /** The first revision that has not been given. */
  readonly next: Revision;
}

/**
 * A revision counts as seen only by its events. The revision in an answer's header may be ahead of what was sent (answers to a
 * watch that catches up, progress answers before 3.4.31 and 3.5.13), so it says nothing.
 */
export function createResponses(keyspace: Keyspace, from: Revision): Responses {
  let pending: StoreEvent[] = [];
  let next = from;

  return {
    add({ events, fragment }) {
      for (const { type, kv } of events) pending.push(eventOf(keyspace, type === 'Delete', kv));
      if (fragment) return [];
      const whole = byRevision(pending).filter(({ revision }) => revision >= next);
      pending = [];
      next = (whole.at(-1)?.revision ?? next - 1) + 1;
      return whole;
    },
    get next() {
      return next;
    },
  };
}

function eventOf(keyspace: Keyspace, isDeletion: boolean, kv: Parameters<typeof keyValueOf>[1]): StoreEvent {
  return isDeletion
    ? { type: 'delete', key: keyspace.fromEtcd(kv.key), modRevision: Number(kv.mod_revision) }
    : { type: 'put', kv: keyValueOf(keyspace, kv) };
}

function byRevision(events: readonly StoreEvent[]): RevisionEvents[] {
  const groups: { revision: Revision; events: StoreEvent[] }[] = [];
  for (const event of events) {
    const revision = event.type === 'put' ? event.kv.modRevision : event.modRevision;
    const last = groups.at(-1);
    if (last?.revision === revision) last.events.push(event);
    else groups.push({ revision, events: [event] });
  }
  return groups;
}
