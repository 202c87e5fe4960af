/** IPv4 addresses and ranges as numbers. Pure. */

export interface Range {
  readonly net: number;
  readonly prefix: number;
}

/** `10.42.0.7` → unsigned number. Throws on anything else. */
export function parseAddress(text: string): number {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256)) throw new Error(`'${text}' is no IPv4 address`);
  return parts.reduce((address, part) => address * 256 + Number(part), 0);
}

export function formatAddress(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join('.');
}

/** Number of addresses in a range. */
export const sizeOf = (range: Range): number => 2 ** (32 - range.prefix);

/** `10.42.0.0/24` → range; bits behind the prefix must be zero. Throws on anything else. */
export function parseRange(text: string): Range {
  const [address = '', length = '', ...rest] = text.split('/');
  const prefix = Number(length);
  if (rest.length > 0 || !/^\d{1,2}$/.test(length) || prefix > 32) throw new Error(`'${text}' is no IPv4 range`);
  const net = parseAddress(address);
  if (net % sizeOf({ net, prefix }) !== 0) throw new Error(`'${text}' has bits set behind its prefix`);
  return { net, prefix };
}
