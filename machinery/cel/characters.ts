/** Strings counted and cut by code points, as CEL does; a JavaScript string counts UTF-16 units, which is the same for most texts. */

const surrogate = /[\ud800-\udfff]/;

export function characters(text: string): number {
  if (!surrogate.test(text)) return text.length;
  let count = text.length;
  for (let i = 0; i < text.length; i++) if (isPair(text, i)) count--;
  return count;
}

/** Whether the unit at `i` is the second of a pair that stands for one character. */
function isPair(text: string, i: number): boolean {
  const unit = text.charCodeAt(i);
  if (unit < 0xdc00 || unit > 0xdfff || i === 0) return false;
  const before = text.charCodeAt(i - 1);
  return before >= 0xd800 && before <= 0xdbff;
}

/** The UTF-16 offset of a code point's index, at most the text's length. */
export function offsetOf(text: string, index: number): number {
  if (!surrogate.test(text)) return Math.min(index, text.length);
  let offset = 0;
  for (let i = 0; i < index && offset < text.length; i++) offset += isPair(text, offset + 1) ? 2 : 1;
  return offset;
}

/** The index in code points of a UTF-16 offset. */
export function indexOf(text: string, offset: number): number {
  return characters(text.slice(0, offset));
}
