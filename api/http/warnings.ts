import type { OutgoingHttpHeaders } from 'node:http';

/** All warnings of an answer together, and each once they are too many, in characters. Source: kube-apiserver, warning headers. */
const mostCharacters = 4096;
const mostOfEach = 256;

/**
 * Adds warnings to `headers`, each once. When they grow too many they are cut short, then left out: a hostile object has a hundred
 * thousand. Source: RFC 9110's predecessor on `Warning`, code 299; KEP-1693.
 */
export function createWarnings(headers: OutgoingHttpHeaders): (text: string) => void {
  const seen = new Set<string>();
  let told: string[] = [];
  let size = 0;
  let isCut = false;
  let isFull = false;

  function tell(text: string): void {
    const said = isCut ? text.slice(0, mostOfEach) : text;
    if (size + said.length > mostCharacters) {
      if (isCut) isFull = true;
      else cut(text);
      return;
    }
    size += said.length;
    told.push(said);
  }

  function cut(text: string): void {
    isCut = true;
    const all = told;
    told = [];
    size = 0;
    for (const one of [...all, text]) tell(one);
  }

  return (text) => {
    if (isFull || seen.has(text)) return;
    seen.add(text);
    tell(text);
    headers['warning'] = told.map((one) => `299 - ${quoted(one)}`).join(', ');
  };
}

/** A quoted string of a header: what can't be in one is left out. */
function quoted(text: string): string {
  return `"${text.replaceAll(/[^\x20-\x7e]+/g, ' ').replaceAll(/["\\]/g, String.raw`\$&`)}"`;
}
