import { sizeOf, type Range } from './ipv4.ts';

/**
 * The pod addresses of one node. The first address of the range is the bridge's, the last the broadcast. Addresses are handed
 * out in a circle, so that a freed one rests as long as possible.
 */
export interface AddressPool {
  readonly range: Range;
  readonly gateway: number;
  /** A free address; undefined when there is none. `usable` refuses one that is free but still has a device. */
  take(usable?: (address: number) => boolean): number | undefined;
  /** Marks an adopted pod's address; false when it is not in the range or taken. */
  reserve(address: number): boolean;
  free(address: number): void;
}

export function createAddressPool(range: Range): AddressPool {
  const first = range.net + 2;
  const count = sizeOf(range) - 3;
  const taken = new Set<number>();
  let next = 0;
  return {
    range,
    gateway: range.net + 1,
    take(usable = () => true) {
      for (let tries = 0; tries < count; tries += 1) {
        const address = first + next;
        next = (next + 1) % count;
        if (taken.has(address) || !usable(address)) continue;
        taken.add(address);
        return address;
      }
      return undefined;
    },
    reserve(address) {
      if (address < first || address >= first + count || taken.has(address)) return false;
      taken.add(address);
      return true;
    },
    free(address) {
      taken.delete(address);
    },
  };
}
