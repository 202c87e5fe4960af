/** What every back end refuses, so that a cluster may move from one to the other. The numbers are etcd's defaults. */
import { TransactionTooLargeError } from './errors.ts';
import type { Transaction } from './store.ts';

export const maxOperations = 128;
export const maxTransactionBytes = 1.5 * 1024 * 1024;

/** Bytes of keys and values. Throws `TransactionTooLargeError`. */
export function checkSize({ compares, writes }: Transaction): number {
  const operations = compares.length + writes.length;
  if (operations > maxOperations) throw new TransactionTooLargeError(`${operations} operations, at most ${maxOperations} are allowed`);
  let bytes = 0;
  for (const write of writes) bytes += write.key.length + (write.type === 'put' ? write.value.length : 0);
  if (bytes > maxTransactionBytes) throw new TransactionTooLargeError(`${bytes} bytes, at most ${maxTransactionBytes} are allowed`);
  return bytes;
}
