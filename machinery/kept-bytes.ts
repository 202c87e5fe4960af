/**
 * Bytes that stay. Node cuts small buffers out of slabs of 64 KiB, and a slab lives as long as the last buffer in it: one object that is
 * kept among answers that are long gone would hold all of it.
 */

/** Room of its own for `length` bytes, not yet written. */
export function keptBytes(length: number): Buffer {
  return Buffer.allocUnsafeSlow(length);
}

export function keptText(text: string): Buffer {
  const kept = keptBytes(Buffer.byteLength(text));
  kept.write(text);
  return kept;
}

export function keptCopy(bytes: Uint8Array): Buffer {
  const kept = keptBytes(bytes.length);
  kept.set(bytes);
  return kept;
}
