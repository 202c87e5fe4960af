import type { SQLOutputValue } from 'node:sqlite';
import { integer } from './database.ts';
import type { Row } from './rows.ts';

const nothing = new Uint8Array(0);

/** A row of `revisions`; throws when the file is damaged. */
export function readRow(found: Record<string, SQLOutputValue>): Row {
  const { key, value } = found;
  if (typeof key !== 'string') throw new Error(`the store is damaged: revisions.key is ${String(key)}`);
  return {
    id: integer(found['id'], 'revisions.id'),
    key,
    created: integer(found['created'], 'revisions.created'),
    lease: integer(found['lease'], 'revisions.lease'),
    value: value instanceof Uint8Array ? value : nothing,
  };
}
