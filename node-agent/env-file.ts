/**
 * Reads one variable of an env file. Pure. Source: "Env file syntax", "Define Environment Variable Values Using An Init Container":
 * `NAME='value'` a line, values in single quotes may span lines, `#` begins a comment. Undefined: it isn't there. Throws on another syntax
 * before it.
 */
export function variableOf(text: string, name: string): string | undefined {
  let at = 0;
  while (at < text.length) {
    const start = afterBlanks(text, at);
    const end = endOfLine(text, start);
    at = end + 1;
    if (start === end || text[start] === '#') continue;
    const equals = text.slice(start, end).indexOf('=');
    if (equals < 1) throw fault('invalid environment variable format', text, start);
    const found = text.slice(start, start + equals);
    if (/[ \t]$/.test(found)) throw fault("whitespace before '=' is not allowed", text, start);
    const open = start + equals + 1;
    if (text[open] !== "'") throw fault('value must be enclosed in single quotes', text, start);
    const close = text.indexOf("'", open + 1);
    if (close === -1) throw fault('unclosed single quote', text, start);
    at = endOfLine(text, close) + 1;
    if (!/^(?:[ \t]*|[ \t]+#.*)$/.test(text.slice(close + 1, at - 1))) throw fault('unexpected content after closing quote', text, start);
    if (found === name) return text.slice(open + 1, close);
  }
  return undefined;
}

function endOfLine(text: string, from: number): number {
  const end = text.indexOf('\n', from);
  return end === -1 ? text.length : end;
}

function afterBlanks(text: string, from: number): number {
  let at = from;
  while (text[at] === ' ' || text[at] === '\t') at += 1;
  return at;
}

function fault(message: string, text: string, at: number): SyntaxError {
  return new SyntaxError(`${message} at line ${text.slice(0, at).split('\n').length}`);
}
