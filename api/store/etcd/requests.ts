/** The store's requests and answers as etcd's messages. Pure. Source: etcd's rpc.proto. */
import type { ICompare, IKeyValue, IRangeRequest, IRangeResponse, IRequestOp, ITxnRequest, ITxnResponse } from 'etcd3';
import { keptCopy } from '../../../machinery/kept-bytes.ts';
import type { KeyValue, RangeRequest, RangeResult, Transaction, TransactionResult, Write } from '../store.ts';

/** Keys of a cluster within an etcd that has others too. */
export interface Keyspace {
  /** A store's key as etcd has it. */
  toEtcd(key: string): Buffer;
  fromEtcd(key: Buffer): string;
}

/** `root` is '' or begins with a slash: `/production`. */
export function createKeyspace(root: string): Keyspace {
  return {
    toEtcd: (key) => Buffer.from(root + key),
    fromEtcd: (key) => key.toString('utf8').slice(root.length),
  };
}

export function rangeRequest({ toEtcd }: Keyspace, { from, to, limit, revision, countOnly }: RangeRequest): IRangeRequest {
  return {
    key: toEtcd(from),
    range_end: toEtcd(to),
    ...(limit === undefined ? {} : { limit }),
    ...(revision === undefined ? {} : { revision }),
    ...(countOnly === true ? { count_only: true } : {}),
  };
}

export function rangeResult(keyspace: Keyspace, { header, kvs, count }: IRangeResponse): RangeResult {
  return { revision: Number(header.revision), items: kvs.map((kv) => keyValueOf(keyspace, kv)), count: Number(count) };
}

/** The value is copied: it would otherwise keep the whole message in memory. */
export function keyValueOf({ fromEtcd }: Keyspace, { key, value, create_revision: created, mod_revision: modified }: IKeyValue): KeyValue {
  return { key: fromEtcd(key), value: keptCopy(value), createRevision: Number(created), modRevision: Number(modified) };
}

export function transactionRequest(keyspace: Keyspace, { compares, writes }: Transaction): ITxnRequest {
  return {
    compare: compares.map(({ key, revision }): ICompare => ({ key: keyspace.toEtcd(key), target: 'Mod', result: 'Equal', mod_revision: revision })),
    success: writes.map((write) => operationOf(keyspace, write)),
    failure: compares.map(({ key }): IRequestOp => ({ request_range: { key: keyspace.toEtcd(key) } })),
  };
}

function operationOf({ toEtcd }: Keyspace, write: Write): IRequestOp {
  if (write.type === 'delete') return { request_delete_range: { key: toEtcd(write.key) } };
  return { request_put: { key: toEtcd(write.key), value: write.value, ...(write.lease === undefined ? {} : { lease: write.lease }) } };
}

export function transactionResult(keyspace: Keyspace, { header, succeeded, responses }: ITxnResponse): TransactionResult {
  const revision = Number(header.revision);
  if (succeeded) return { committed: true, revision };
  return {
    committed: false, revision,
    current: responses.map(({ response_range: range }) => {
      const kv = range?.kvs[0];
      return kv === undefined ? undefined : keyValueOf(keyspace, kv);
    }),
  };
}
