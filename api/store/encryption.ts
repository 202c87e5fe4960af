/** A store whose chosen values are sealed where they rest. Everything in memory is as without it. */
import { asError } from './errors.ts';
import { prefixEnd } from './sorted-map.ts';
import type { KeyValue, Store, StoreEvent, Transaction, TransactionResult, WatchSink } from './store.ts';
import type { EncryptionRule } from './encryption/configuration.ts';
import { identity, isSealed, type Provider } from './encryption/providers.ts';

/** A stored value can't be opened: its key is missing from the configuration, or the value was tampered with. */
export class SealedValueError extends Error {
  constructor(key: string, why: string, options?: ErrorOptions) {
    super(`the value of ${key} can't be opened: ${why}`, options);
    this.name = 'SealedValueError';
  }
}

/**
 * `store` with the values under the rules' prefixes sealed. Values that were written before, or under older keys, are read as long as their provider
 * is listed. What can't be opened is handed on as it is (see `isSealed`): one such value must not keep the others from anybody.
 */
export function encryptedStore(store: Store, rules: readonly EncryptionRule[]): Store {
  const opened = (kv: KeyValue): KeyValue => ({ ...kv, value: openOrKeep(rules, kv.key, kv.value) });
  return {
    async range(request) {
      const result = await store.range(request);
      return { ...result, items: result.items.map(opened) };
    },
    async commit(transaction) {
      const result = await store.commit(sealedTransaction(rules, transaction));
      return openedResult(result, opened);
    },
    watch: (prefix, from, sink) => store.watch(prefix, from, openedSink(sink, opened)),
    grantLease: (ttlSeconds) => store.grantLease(ttlSeconds),
    compact: (revision) => store.compact(revision),
    close: () => store.close(),
  };
}

/**
 * Writes again what the first provider of its rule did not seal: values from before the encryption, and those of a key that is
 * being replaced. `store` is the one underneath. Returns how many were written; those that change meanwhile are sealed by that change.
 */
export async function reseal(store: Store, rules: readonly EncryptionRule[], signal: AbortSignal): Promise<number> {
  let written = 0;
  for (const { keyPrefix } of rules) {
    const to = prefixEnd(keyPrefix);
    for (let from = keyPrefix; !signal.aborted;) {
      const { items } = await store.range({ from, to, limit: pageKeys });
      for (const { key, value, modRevision } of items) {
        if (signal.aborted || isCurrent(rules, key, value)) continue;
        const sealed = seal(rules, key, open(rules, key, value));
        const { committed } = await store.commit({ compares: [{ key, revision: modRevision }], writes: [{ type: 'put', key, value: sealed }] });
        if (committed) written++;
      }
      const last = items.at(-1);
      if (last === undefined || items.length < pageKeys) break;
      from = `${last.key}\0`;
    }
  }
  return written;
}

const pageKeys = 500;

function ruleOf(rules: readonly EncryptionRule[], key: string): EncryptionRule | undefined {
  return rules.find(({ keyPrefix }) => key.startsWith(keyPrefix));
}

function writerOf(rules: readonly EncryptionRule[], key: string): Provider {
  return ruleOf(rules, key)?.providers[0] ?? identity;
}

function seal(rules: readonly EncryptionRule[], key: string, value: Buffer): Buffer {
  const provider = writerOf(rules, key);
  return provider.prefix === '' ? value : Buffer.concat([Buffer.from(provider.prefix), provider.seal(key, value)]);
}

function isCurrent(rules: readonly EncryptionRule[], key: string, value: Buffer): boolean {
  const { prefix } = writerOf(rules, key);
  return prefix === '' ? !isSealed(value) : startsWith(value, prefix);
}

function open(rules: readonly EncryptionRule[], key: string, value: Buffer): Buffer {
  if (!isSealed(value)) return value;
  // A rule may have been taken away since: any provider of the configuration may have sealed it.
  const provider = [ruleOf(rules, key), ...rules].flatMap((rule) => rule?.providers ?? []).find(({ prefix }) => prefix !== '' && startsWith(value, prefix));
  if (provider === undefined) throw new SealedValueError(key, `no provider of the encryption configuration has sealed it (it begins with ${value.toString('latin1', 0, 40).split(':', 5).join(':')})`);
  try {
    return provider.open(key, value.subarray(provider.prefix.length));
  } catch (error) {
    throw new SealedValueError(key, 'its key is another one, or it was changed', { cause: error });
  }
}

function openOrKeep(rules: readonly EncryptionRule[], key: string, value: Buffer): Buffer {
  try {
    return open(rules, key, value);
  } catch (error) {
    if (error instanceof SealedValueError) return value;
    throw error;
  }
}

function startsWith(value: Buffer, prefix: string): boolean {
  return value.length >= prefix.length && value.toString('latin1', 0, prefix.length) === prefix;
}

function sealedTransaction(rules: readonly EncryptionRule[], transaction: Transaction): Transaction {
  return {
    ...transaction,
    writes: transaction.writes.map((write) => (write.type === 'put' ? { ...write, value: seal(rules, write.key, write.value) } : write)),
  };
}

function openedResult(result: TransactionResult, opened: (kv: KeyValue) => KeyValue): TransactionResult {
  if (result.committed) return result;
  return { ...result, current: result.current.map((kv) => (kv === undefined ? undefined : opened(kv))) };
}

function openedSink(sink: WatchSink, opened: (kv: KeyValue) => KeyValue): WatchSink {
  return {
    events(revision, events) {
      sink.events(revision, events.map((event): StoreEvent => (event.type === 'put' ? { type: 'put', kv: opened(event.kv) } : event)));
    },
    progress: (revision) => sink.progress(revision),
    end: (error) => sink.end(asError(error)),
  };
}
