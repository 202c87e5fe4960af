import { randomInt } from 'node:crypto';
import { DecodeProblem, TooLargeProblem } from './walk/problem.ts';

/** One look at JSON text before it is parsed: what a parser lets through and a server may not, in one pass without garbage. */

/** Nested deeper than any object of the API, and shallow enough for every walk to recurse. */
export const mostDepth = 1000;

/**
 * More members, or more lists and objects, than an object that can be stored has room for: the shortest member takes six bytes
 * (`"a":1,`), the shortest list two. To build them all would hold the event loop.
 */
const mostMembers = 1 << 18;
const mostContainers = 3 << 18;

const quote = 0x22;
const backslash = 0x5c;
const minus = 0x2d;
const [zero, nine] = [0x30, 0x39];
/** 2⁵³ has so many digits: a shorter number is exact in a double. */
const longDigits = 16;

export interface Scan {
  /** Perhaps: some object has a key twice. False is certain. */
  readonly hasRepeatedKeys: boolean;
  /** Where whole numbers stand that a double may not hold: start and end in turn. */
  readonly longNumbers: readonly number[];
}

/** Throws `DecodeProblem` when the text is nested too deeply, `TooLargeProblem` when it holds more than can be stored. */
export function scanJson(bytes: Buffer): Scan {
  const keys = createKeySet(bytes.length);
  const longNumbers: number[] = [];
  /** Which object is open at each depth. */
  const open: number[] = [0];
  let depth = 0;
  let containers = 0;
  let members = 0;
  let hasRepeatedKeys = false;
  /** Of the last string: a colon makes it a key. */
  let one = 0;
  let two = 0;
  /** A key may be written in several ways: whoever escapes is looked at closely. */
  let isEscaped = false;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] ?? 0;
    if (byte === quote) {
      one = seedOne;
      two = seedTwo;
      isEscaped = false;
      for (i++; i < bytes.length; i++) {
        const each = bytes[i] ?? 0;
        if (each === quote) break;
        if (each === backslash) {
          isEscaped = true;
          i++;
          continue;
        }
        one = Math.imul(one ^ each, 0x01000193);
        two = Math.imul(two + each, 0x9e3779b1) ^ (two >>> 15);
      }
    } else if (byte === 0x3a) {
      if (++members > mostMembers) throw new TooLargeProblem();
      hasRepeatedKeys ||= isEscaped || keys.holds(one, two, open[depth] ?? 0);
    } else if (byte === 0x7b || byte === 0x5b) {
      if (++depth > mostDepth) throw new DecodeProblem('exceeded max depth');
      if (++containers > mostContainers) throw new TooLargeProblem();
      open[depth] = containers;
    } else if (byte === 0x7d || byte === 0x5d) {
      if (depth > 0) depth--;
    } else if (byte === minus || (byte >= zero && byte <= nine)) {
      const end = endOfNumber(bytes, i);
      if (end - i >= longDigits && isWhole(bytes, i, end)) longNumbers.push(i, end);
      i = end - 1;
    }
  }
  return { hasRepeatedKeys, longNumbers };
}

/** Past the number that begins at `at`. */
function endOfNumber(bytes: Buffer, at: number): number {
  let i = at + 1;
  for (;;) {
    const byte = bytes[i] ?? 0;
    const belongs = (byte >= zero && byte <= nine) || byte === 0x2e || byte === 0x2b || byte === minus || byte === 0x65 || byte === 0x45;
    if (!belongs) return i;
    i++;
  }
}

/** Are all bytes digits, a sign in front aside? */
function isWhole(bytes: Buffer, from: number, to: number): boolean {
  for (let i = bytes[from] === minus ? from + 1 : from; i < to; i++) {
    const byte = bytes[i] ?? 0;
    if (byte < zero || byte > nine) return false;
  }
  return true;
}

/** Nobody can make keys collide on purpose. */
const seedOne = randomInt(1, 2 ** 31);
const seedTwo = randomInt(1, 2 ** 31);

interface KeySet {
  /** Was this key seen in this object before? It counts as seen from now on. */
  holds(one: number, two: number, object: number): boolean;
}

/** Small texts share a table; `round` says which of its slots are of this text. */
const smallSlots = 4096;
const shared = { ones: new Int32Array(smallSlots), twos: new Int32Array(smallSlots), rounds: new Int32Array(smallSlots), round: 0 };

function createKeySet(bytes: number): KeySet {
  // The shortest member takes four bytes; half of the slots stay free.
  const slots = bytes <= smallSlots * 2 ? smallSlots : 2 ** Math.ceil(Math.log2(Math.min(bytes / 2, mostMembers * 2)));
  const { ones, twos, rounds } = slots === smallSlots ? shared : { ones: new Int32Array(slots), twos: new Int32Array(slots), rounds: new Int32Array(slots) };
  const round = slots === smallSlots ? (shared.round = (shared.round + 1) | 0) || (shared.round = 1) : 1;
  const mask = slots - 1;
  return {
    holds(one, two, object) {
      const first = Math.imul(one ^ Math.imul(object, 0x85ebca6b), 0xc2b2ae35);
      const second = (two + Math.imul(object, 0x27d4eb2f)) | 0;
      for (let at = (first ^ (second >>> 13)) & mask; ; at = (at + 1) & mask) {
        if (rounds[at] !== round) {
          rounds[at] = round;
          ones[at] = first;
          twos[at] = second;
          return false;
        }
        if (ones[at] === first && twos[at] === second) return true;
      }
    },
  };
}
