/** What the embedded store holds in memory, and how it decides transactions. Pure: no disk, no clock. */
import { LeaseNotFoundError } from '../errors.ts';
import type { KeyValue, RangeRequest, RangeResult, Revision, Transaction, TransactionResult, Write } from '../store.ts';
import { createSortedMap } from '../sorted-map.ts';
import { revisionOf, type Row } from './rows.ts';

export interface Version extends KeyValue {
  /** 0: none. */
  readonly lease: number;
}

/** One key's step within a revision. `after` undefined: deleted. */
export interface Step {
  readonly key: string;
  readonly before: Version | undefined;
  readonly after: Version | undefined;
}

/** A transaction as decided. With steps it is durable only after its batch; without, once all before it is. */
export interface Decision {
  readonly result: TransactionResult;
  readonly steps: readonly Step[];
}

export interface Versions {
  /** The newest durable revision. */
  readonly revision: Revision;
  /** The newest revision given out. */
  readonly assigned: Revision;
  /** Decides on top of everything decided before, durable or not. Throws `LeaseNotFoundError`. */
  decide(transaction: Transaction, leaseExists: (lease: number) => boolean): Decision;
  /** `steps` of `revision` are on disk: readers see them from now on. */
  settle(revision: Revision, steps: readonly Step[]): void;
  /** Everything decided but not settled never happened. */
  forget(): void;
  range(request: RangeRequest): RangeResult;
  /** Durable keys of a lease that nothing decided since has taken from it. */
  keysOf(lease: number): readonly string[];
}

/** `initial` are the live versions as of `revision`. */
export function createVersions(revision: Revision, initial: Iterable<Version>): Versions {
  const durable = createSortedMap<Version>();
  const leased = createLeasedKeys();
  /** The newest decided but not yet durable step of a key. */
  const pending = new Map<string, { readonly revision: Revision; readonly after: Version | undefined }>();
  let settled = revision;
  let assigned = revision;
  for (const version of initial) apply(version.key, undefined, version);

  function apply(key: string, before: Version | undefined, after: Version | undefined): void {
    if (before !== undefined) leased.detach(before.lease, key);
    if (after === undefined) return durable.delete(key);
    leased.attach(after.lease, key);
    durable.set(key, after);
  }

  function latest(key: string): Version | undefined {
    const step = pending.get(key);
    return step === undefined ? durable.get(key) : step.after;
  }

  function decide(transaction: Transaction, leaseExists: (lease: number) => boolean): Decision {
    const holds = transaction.compares.every((compare) => (latest(compare.key)?.modRevision ?? 0) === compare.revision);
    if (!holds) {
      return { result: { committed: false, revision: assigned, current: transaction.compares.map((compare) => latest(compare.key)) }, steps: [] };
    }
    const next = assigned + 1;
    const steps: Step[] = [];
    for (const write of transaction.writes) {
      const before = latest(write.key);
      if (write.type === 'delete' && before === undefined) continue;
      steps.push({ key: write.key, before, after: write.type === 'delete' ? undefined : versionOf(write, before, next, leaseExists) });
    }
    if (steps.length === 0) return { result: { committed: true, revision: assigned }, steps };
    assigned = next;
    for (const { key, after } of steps) pending.set(key, { revision: next, after });
    return { result: { committed: true, revision: next }, steps };
  }

  return {
    get revision() {
      return settled;
    },
    get assigned() {
      return assigned;
    },
    decide,
    settle(at, steps) {
      for (const { key, before, after } of steps) {
        apply(key, before, after);
        if (pending.get(key)?.revision === at) pending.delete(key);
      }
      settled = at;
    },
    forget() {
      pending.clear();
      assigned = settled;
    },
    range(request) {
      const items: Version[] = [];
      const limit = request.countOnly === true ? 0 : request.limit === undefined || request.limit === 0 ? Infinity : request.limit;
      const count = durable.visit(request.from, request.to, limit, (version) => void items.push(version));
      return { revision: settled, items, count };
    },
    keysOf: (lease) => leased.keysOf(lease).filter((key) => latest(key)?.lease === lease),
  };
}

function versionOf(write: Extract<Write, { type: 'put' }>, before: Version | undefined, revision: Revision, leaseExists: (lease: number) => boolean): Version {
  const lease = write.lease === undefined ? 0 : Number(write.lease);
  if (lease !== 0 && !leaseExists(lease)) throw new LeaseNotFoundError(String(write.lease));
  return { key: write.key, value: write.value, createRevision: before?.createRevision ?? revision, modRevision: revision, lease };
}

interface LeasedKeys {
  attach(lease: number, key: string): void;
  detach(lease: number, key: string): void;
  keysOf(lease: number): readonly string[];
}

function createLeasedKeys(): LeasedKeys {
  const leased = new Map<number, Set<string>>();
  return {
    attach(lease, key) {
      if (lease === 0) return;
      const keys = leased.get(lease);
      if (keys === undefined) leased.set(lease, new Set([key]));
      else keys.add(key);
    },
    detach(lease, key) {
      const keys = leased.get(lease);
      if (keys?.delete(key) === true && keys.size === 0) leased.delete(lease);
    },
    keysOf: (lease) => [...(leased.get(lease) ?? [])],
  };
}

export function versionOfRow(row: Row & { readonly value: Buffer }): Version {
  return { key: row.key, value: row.value, createRevision: row.created, modRevision: revisionOf(row.id), lease: row.lease };
}
