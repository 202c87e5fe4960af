import type { Path } from '../../machinery/field-path.ts';
import { canonical, parseQuantity } from '../../machinery/quantity.ts';

const bytes = ['memory', 'ephemeral-storage'] as const;

/** Warnings of amounts of bytes that aren't whole, in a list of resources: `128m` of memory was meant to be `128M`. */
export function fractionsOfBytes(amounts: Readonly<Record<string, string>> | undefined, path: Path, names: readonly string[] = bytes): string[] {
  return names.flatMap((name) => {
    const text = amounts?.[name];
    const quantity = text === undefined ? undefined : parseQuantity(text);
    if (text === undefined || quantity === undefined || quantity.nanos % 1_000_000_000n === 0n) return [];
    return [`${path.key(name).toString()}: fractional byte value ${JSON.stringify(canonical(text))} is invalid, must be an integer`];
  });
}
