import { BlockList, isIP, isIPv4 } from 'node:net';
import { invalid, type FieldError, type Path } from '../../../machinery/field-path.ts';

/** Blocks of addresses. Source: RFC 4632; wording: apimachinery's validation. */

export interface Cidr {
  readonly address: string;
  readonly bits: number;
  readonly family: 'ipv4' | 'ipv6';
}

/** Undefined: it is none. */
export function parseCidr(text: string): Cidr | undefined {
  const [address = '', bits = '', ...more] = text.split('/');
  if (more.length > 0 || isIP(address) === 0 || !/^\d{1,3}$/.test(bits)) return undefined;
  const family = isIPv4(address) ? 'ipv4' : 'ipv6';
  return Number(bits) > (family === 'ipv4' ? 32 : 128) ? undefined : { address, bits: Number(bits), family };
}

export function validateCidr(text: string, path: Path): FieldError[] {
  return parseCidr(text) === undefined ? [invalid(path, text, 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)')] : [];
}

/** Does `inner` lie in `outer` without being all of it? */
export function isStrictSubset(inner: Cidr, outer: Cidr): boolean {
  if (inner.family !== outer.family || inner.bits <= outer.bits) return false;
  const block = new BlockList();
  block.addSubnet(outer.address, outer.bits, outer.family);
  return block.check(inner.address, inner.family);
}
