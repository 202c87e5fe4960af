import type { Revision } from '../store.ts';

/** Most writes a revision may hold: a row's id is `revision * rowsPerRevision + index`, so that ids order the whole history. */
const rowsPerRevision = 128;

export function firstRowOf(revision: Revision): number {
  return revision * rowsPerRevision;
}

export function revisionOf(row: number): Revision {
  return Math.floor(row / rowsPerRevision);
}

/** One version of one key. `created` 0 is a deletion. */
export interface Row {
  readonly id: number;
  readonly key: string;
  readonly created: Revision;
  /** 0: none. */
  readonly lease: number;
  readonly value: Uint8Array;
}

/** Rows as they cross between threads: columns, and all values in one buffer that is moved, not copied. */
export interface PackedRows {
  readonly ids: Float64Array;
  readonly keys: readonly string[];
  readonly created: Float64Array;
  readonly leases: Float64Array;
  /** Where each value ends in `values`. */
  readonly ends: Float64Array;
  readonly values: Uint8Array<ArrayBuffer>;
}

export function packRows(rows: readonly Row[]): PackedRows {
  const ends = new Float64Array(rows.length);
  let total = 0;
  for (let i = 0; i < rows.length; i++) {
    total += rows[i]?.value.length ?? 0;
    ends[i] = total;
  }
  const values = new Uint8Array(total);
  let start = 0;
  for (const row of rows) {
    values.set(row.value, start);
    start += row.value.length;
  }
  return {
    ids: Float64Array.from(rows, (row) => row.id),
    keys: rows.map((row) => row.key),
    created: Float64Array.from(rows, (row) => row.created),
    leases: Float64Array.from(rows, (row) => row.lease),
    ends,
    values,
  };
}

/** What may be moved to the other thread instead of copied. */
export function movable(rows: PackedRows): ArrayBuffer[] {
  return [rows.values.buffer];
}

/** Values are views of the one buffer. */
export function* unpackRows(packed: PackedRows): Generator<Row & { readonly value: Buffer }> {
  const bytes = Buffer.from(packed.values.buffer, packed.values.byteOffset, packed.values.byteLength);
  let start = 0;
  for (let i = 0; i < packed.keys.length; i++) {
    const end = packed.ends[i] ?? start;
    yield {
      id: packed.ids[i] ?? 0,
      key: packed.keys[i] ?? '',
      created: packed.created[i] ?? 0,
      lease: packed.leases[i] ?? 0,
      value: bytes.subarray(start, end),
    };
    start = end;
  }
}
