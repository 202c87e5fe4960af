const simple: Readonly<Record<string, string>> = {
  a: '\u0007', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\u000b', '\\': '\\', '?': '?', '"': '"', "'": "'", '`': '`',
};

/** What a quoted text stands for. Escapes: langdef.md, "String and Bytes Values". In bytes, \x and octal are bytes, in strings code points. */
export function readEscapes(body: string, { raw, bytes }: { readonly raw: boolean; readonly bytes: boolean }): string | Uint8Array | { readonly problem: string } {
  if (raw || !body.includes('\\')) return bytes ? new TextEncoder().encode(body) : body;
  const parts: number[] = [];
  let text = '';
  const put = (character: string): void => {
    if (bytes) parts.push(...new TextEncoder().encode(character));
    else text += character;
  };
  for (let i = 0; i < body.length;) {
    const point = body.codePointAt(i) ?? 0;
    if (point !== 0x5c) {
      const character = String.fromCodePoint(point);
      put(character);
      i += character.length;
      continue;
    }
    const escape = escapeAt(body, i + 1);
    if (escape === undefined) return { problem: `unable to unescape string: invalid escape '\\${body[i + 1] ?? ''}'` };
    if (escape.character !== undefined) put(escape.character);
    else if (escape.unicode) {
      if (bytes) return { problem: 'unable to unescape string: unicode escapes are not allowed in bytes' };
      if (escape.code > 0x10ffff || (escape.code >= 0xd800 && escape.code <= 0xdfff)) return { problem: 'unable to unescape string: invalid unicode code point' };
      put(String.fromCodePoint(escape.code));
    } else if (bytes) parts.push(escape.code);
    else put(String.fromCodePoint(escape.code));
    i += 1 + escape.length;
  }
  return bytes ? Uint8Array.from(parts) : text;
}

interface Escape { readonly length: number; readonly character?: string; readonly code: number; readonly unicode: boolean }

function escapeAt(body: string, at: number): Escape | undefined {
  const letter = body[at];
  if (letter === undefined) return undefined;
  const character = simple[letter];
  if (character !== undefined) return { length: 1, character, code: 0, unicode: false };
  const digits = letter === 'x' || letter === 'X' ? 2 : letter === 'u' ? 4 : letter === 'U' ? 8 : 0;
  if (digits > 0) {
    const hex = body.slice(at + 1, at + 1 + digits);
    return hex.length === digits && /^[0-9a-fA-F]+$/.test(hex) ? { length: 1 + digits, code: Number.parseInt(hex, 16), unicode: digits > 2 } : undefined;
  }
  const octal = body.slice(at, at + 3);
  return /^[0-3][0-7]{2}$/.test(octal) ? { length: 3, code: Number.parseInt(octal, 8), unicode: false } : undefined;
}
