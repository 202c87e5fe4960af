import { addressFault, addressText, blockFault, contains, mask, parseAddress, parseBlock, type Address, type Block } from './address.ts';
import { flat, scaled, sizeOf, sum, traversal, unknownSize, one, character, type CallCost } from '../cost.ts';
import { CelError } from '../errors.ts';
import { define, type Overload } from '../functions.ts';
import { OpaqueValue } from '../values.ts';

class IpValue extends OpaqueValue {
  override readonly typeName = 'net.IP';
  readonly address: Address;

  constructor(address: Address) {
    super();
    this.address = address;
  }

  override equals(other: OpaqueValue): boolean {
    return other instanceof IpValue && other.address.family === this.address.family && other.address.bits === this.address.bits;
  }
}

class CidrValue extends OpaqueValue {
  override readonly typeName = 'net.CIDR';
  readonly block: Block;

  constructor(block: Block) {
    super();
    this.block = block;
  }

  override equals(other: OpaqueValue): boolean {
    return other instanceof CidrValue && other.block.family === this.block.family && other.block.bits === this.block.bits && other.block.prefix === this.block.prefix;
  }
}

function ipOf(text: string): IpValue {
  const address = parseAddress(text);
  if (address === undefined) throw new CelError(`IP Address ${JSON.stringify(text)} parse error during conversion from string: ParseAddr(${JSON.stringify(text)}): ${addressFault(text)}`);
  return new IpValue(address);
}

function cidrOf(text: string): CidrValue {
  const block = parseBlock(text);
  if (block === undefined) throw new CelError(`network address parse error during conversion from string: netip.ParsePrefix(${JSON.stringify(text)}): ${blockFault(text)}`);
  return new CidrValue(block);
}

function canonical(text: string): boolean {
  return addressText(ipOf(text).address) === text;
}

const within = (address: Address, four: string, six: string): boolean => {
  const block = parseBlock(address.family === 4 ? four : six);
  return block !== undefined && contains(block, address);
};
const isLoopback = ({ address }: IpValue): boolean => within(address, '127.0.0.0/8', '::1/128');
const isUnspecified = ({ address }: IpValue): boolean => address.bits === 0n;
const isLinkLocalMulticast = ({ address }: IpValue): boolean => within(address, '224.0.0.0/24', 'ff02::/16');
const isLinkLocalUnicast = ({ address }: IpValue): boolean => within(address, '169.254.0.0/16', 'fe80::/10');
const isMulticast = ({ address }: IpValue): boolean => within(address, '224.0.0.0/4', 'ff00::/8');
const isGlobalUnicast = (ip: IpValue): boolean =>
  !isUnspecified(ip) && !isLoopback(ip) && !isMulticast(ip) && !isLinkLocalUnicast(ip) && !(ip.address.family === 4 && ip.address.bits === 0xffff_ffffn);

/** Bytes of two addresses, and of the text that one is read from. */
function comparing(extra: number, fromText: boolean): CallCost {
  return {
    before: ([block, other]) => {
      const bytes = block instanceof CidrValue && block.block.family === 4 ? 4 : 16;
      return Math.ceil(bytes * 2 * character) + extra * (Math.ceil(bytes * character) + 1) + (fromText ? Math.ceil(sizeOf(other) * character) : 0);
    },
    estimate: ([, other]) => {
      const bytes = { min: 4, max: 16 };
      const compared = scaled(bytes, 2 * character);
      const masked = extra === 0 ? compared : sum(compared, scaled(bytes, character), one);
      return { cost: fromText ? sum(masked, scaled(other?.size ?? unknownSize, character)) : masked };
    },
  };
}

const read = { cost: traversal(0) };
const once = { cost: flat(1) };

/** Kubernetes' functions of IP addresses and CIDR blocks. */
export const addresses: readonly Overload[] = [
  define('ip(string): ip', ipOf, read),
  define('isIP(string): bool', (text: string) => parseAddress(text) !== undefined, read),
  define('ip.isCanonical(string): bool', canonical, { cost: traversal(0, 2) }),
  define('string(ip): string', ({ address }: IpValue) => addressText(address), once),
  define('ip::family(): int', ({ address }: IpValue) => BigInt(address.family), once),
  define('ip::isUnspecified(): bool', isUnspecified, once),
  define('ip::isLoopback(): bool', isLoopback, once),
  define('ip::isLinkLocalMulticast(): bool', isLinkLocalMulticast, once),
  define('ip::isLinkLocalUnicast(): bool', isLinkLocalUnicast, once),
  define('ip::isGlobalUnicast(): bool', isGlobalUnicast, once),
  define('cidr(string): cidr', cidrOf, read),
  define('isCIDR(string): bool', (text: string) => parseBlock(text) !== undefined, read),
  define('string(cidr): string', ({ block }: CidrValue) => `${addressText(block)}/${block.prefix}`, once),
  define('cidr::containsIP(ip): bool', ({ block }: CidrValue, { address }: IpValue) => contains(block, address), { cost: comparing(0, false) }),
  define('cidr::containsIP(string): bool', ({ block }: CidrValue, text: string) => contains(block, ipOf(text).address), { cost: comparing(0, true) }),
  define('cidr::containsCIDR(cidr): bool', ({ block }: CidrValue, other: CidrValue) => other.block.prefix >= block.prefix && contains(block, other.block), { cost: comparing(1, false) }),
  define('cidr::containsCIDR(string): bool', ({ block }: CidrValue, text: string) => {
    const other = cidrOf(text).block;
    return other.prefix >= block.prefix && contains(block, other);
  }, { cost: comparing(1, true) }),
  define('cidr::ip(): ip', ({ block }: CidrValue) => new IpValue(block), once),
  define('cidr::prefixLength(): int', ({ block }: CidrValue) => BigInt(block.prefix), once),
  define('cidr::masked(): cidr', ({ block }: CidrValue) => new CidrValue(mask(block)), once),
];
