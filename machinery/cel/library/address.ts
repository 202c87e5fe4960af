/** IP addresses and CIDR blocks as numbers. Canonical texts: RFC 5952. */
export interface Address {
  readonly family: 4 | 6;
  readonly bits: bigint;
}

export interface Block extends Address {
  readonly prefix: number;
}

/** Undefined for what is no address; neither zones nor IPv4 addresses within IPv6 ones are let in, as in Kubernetes. */
export function parseAddress(text: string): Address | undefined {
  if (text.length > 45) return undefined;
  if (!text.includes(':')) return parseFour(text);
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const groups = halves.map((half) => (half === '' ? [] : half.split(':')));
  const last = groups.at(-1);
  const dotted = last?.at(-1);
  if (last !== undefined && dotted?.includes('.') === true) {
    const four = parseFour(dotted);
    if (four === undefined) return undefined;
    last.splice(-1, 1, (four.bits >> 16n).toString(16), (four.bits & 0xffffn).toString(16));
  }
  const [front = [], back = []] = groups;
  const missing = 8 - front.length - back.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const all = [...front, ...Array.from({ length: halves.length === 1 ? 0 : missing }, () => '0'), ...back];
  if (!all.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) return undefined;
  const bits = all.reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n);
  return bits >> 32n === 0xffffn ? undefined : { family: 6, bits };
}

/** Why a text is no address, as Go says it. */
export function addressFault(text: string): string {
  if (text.includes('%')) return 'IP address with zone value is not allowed';
  if (text.includes(':')) return text.toLowerCase().includes('::ffff:') ? 'IPv4-mapped IPv6 address is not allowed' : 'each colon-separated field must have at least one digit';
  const parts = text.split('.');
  if (!/^[\d.]+$/.test(text)) return 'unable to parse IP';
  if (parts.length !== 4) return `IPv4 address too ${parts.length > 4 ? 'long' : 'short'}`;
  return parts.some((part) => Number(part) > 255) ? 'IPv4 field has value >255' : 'IPv4 field has octet with leading zero';
}

function parseFour(text: string): Address | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256)) return undefined;
  return { family: 4, bits: parts.reduce((sum, part) => (sum << 8n) | BigInt(part), 0n) };
}

/** Why a text is no block. */
export function blockFault(text: string): string {
  const slash = text.lastIndexOf('/');
  if (slash < 0) return "no '/'";
  const [address, prefix] = [text.slice(0, slash), text.slice(slash + 1)];
  if (parseAddress(address) === undefined) return `ParseAddr(${JSON.stringify(address)}): ${addressFault(address)}`;
  return /^(?:0|[1-9]\d*)$/.test(prefix) ? 'prefix length out of range' : `bad bits after slash: ${JSON.stringify(prefix)}`;
}

/** Undefined for what is no block; bits beyond the prefix are kept. */
export function parseBlock(text: string): Block | undefined {
  const slash = text.lastIndexOf('/');
  if (slash < 0) return undefined;
  const address = parseAddress(text.slice(0, slash));
  const prefix = text.slice(slash + 1);
  if (address === undefined || !/^(?:0|[1-9]\d{0,2})$/.test(prefix) || Number(prefix) > width(address)) return undefined;
  return { ...address, prefix: Number(prefix) };
}

function width({ family }: Address): number {
  return family === 4 ? 32 : 128;
}

export function mask(block: Block): Block {
  const host = BigInt(width(block) - block.prefix);
  return { ...block, bits: (block.bits >> host) << host };
}

/** Whether the address (the first one of a block) is within the block. */
export function contains(block: Block, address: Address): boolean {
  const host = BigInt(width(block) - block.prefix);
  return block.family === address.family && block.bits >> host === address.bits >> host;
}

export function addressText({ family, bits }: Address): string {
  if (family === 4) return [24n, 16n, 8n, 0n].map((shift) => String((bits >> shift) & 0xffn)).join('.');
  const groups = Array.from({ length: 8 }, (_, i) => ((bits >> BigInt(16 * (7 - i))) & 0xffffn).toString(16));
  let best = { from: -1, length: 1 };
  for (let i = 0; i < 8; i++) {
    let end = i;
    while (end < 8 && groups[end] === '0') end++;
    if (end - i > best.length) best = { from: i, length: end - i };
  }
  if (best.from < 0) return groups.join(':');
  return `${groups.slice(0, best.from).join(':')}::${groups.slice(best.from + best.length).join(':')}`;
}
