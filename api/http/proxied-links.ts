import { Transform } from 'node:stream';

/**
 * Links of pages that another server behind this one has written: they are led through this one too. Source: kube-apiserver's
 * proxy, which rewrites redirects and HTML; elements and attributes: the HTML standard's that hold URLs.
 */

export interface Behind {
  /** What stands before the other server's paths here. */
  readonly prefix: string;
  /** How the other server may call itself: `10.0.0.1:80`, `10.0.0.1`, what the caller calls this one. In lower case. */
  readonly authorities: ReadonlySet<string>;
}

/** The link as it has to be followed from here: what is relative, and what leads elsewhere, stays. */
export function relocated(link: string, { prefix, authorities }: Behind): string {
  const [, authority, below = ''] = /^(?:https?:)?\/\/([^/?#]*)(.*)$/is.exec(link) ?? [];
  if (authority === undefined) return link.startsWith('/') && !isBelow(link, prefix) ? `${prefix}${link}` : link;
  if (!authorities.has(authority.toLowerCase())) return link;
  const rooted = below.startsWith('/') ? below : `/${below}`;
  return isBelow(rooted, prefix) ? rooted : `${prefix}${rooted}`;
}

function isBelow(path: string, prefix: string): boolean {
  return path === prefix || path.startsWith(`${prefix}/`);
}

const links: ReadonlyMap<string, readonly string[]> = new Map(Object.entries({
  a: ['href'], area: ['href'], audio: ['src'], base: ['href'], blockquote: ['cite'], body: ['background'], button: ['formaction'], del: ['cite'], embed: ['src'],
  form: ['action'], frame: ['longdesc', 'src'], head: ['profile'], html: ['manifest'], iframe: ['longdesc', 'src'], img: ['longdesc', 'src', 'usemap'],
  input: ['formaction', 'src', 'usemap'], ins: ['cite'], link: ['href'], object: ['classid', 'codebase', 'data', 'usemap'], q: ['cite'], script: ['src'],
  source: ['src'], track: ['src'], video: ['poster', 'src'],
}));

/** Elements whose content is no markup. */
const opaque: ReadonlySet<string> = new Set(['script', 'style', 'textarea', 'title']);
/** A longer tag passes as it is. */
const longestTag = 16 * 1024;

/** HTML in pieces, its links led through this server. Whatever else it holds stays as it is, to the letter. */
export interface PageRewriter {
  /** What of the page can be said by now. */
  write(text: string): string;
  /** The rest. */
  end(): string;
}

export function createPageRewriter(behind: Behind): PageRewriter {
  let held = '';
  /** What ends a stretch without markup, in lower case. */
  let until: string | undefined;

  function write(text: string): string {
    held += text;
    const out: string[] = [];
    for (let step = next(); step !== undefined; step = next()) out.push(step);
    return out.join('');
  }

  /** Takes something off `held`; undefined: more has to come first. */
  function next(): string | undefined {
    if (held === '') return undefined;
    if (until !== undefined) return opaqueText(until);
    const start = held.indexOf('<');
    if (start !== 0) return take(start < 0 ? held.length : start);
    if (held.length < 4 && '<!--'.startsWith(held)) return undefined;
    if (held.startsWith('<!--')) {
      until = '-->';
      return take(4);
    }
    if (!/^<[a-z]/i.test(held)) return take(1);
    const end = endOfTag(held);
    if (end < 0) return held.length > longestTag ? take(1) : undefined;
    const name = nameOf(held);
    if (opaque.has(name)) until = `</${name}`;
    return rewritten(take(end), name, behind);
  }

  function opaqueText(end: string): string | undefined {
    const at = held.toLowerCase().indexOf(end);
    if (at >= 0) {
      until = undefined;
      return take(at + end.length);
    }
    const known = held.length - end.length + 1;
    return known > 0 ? take(known) : undefined;
  }

  function take(length: number): string {
    const taken = held.slice(0, length);
    held = held.slice(length);
    return taken;
  }

  return {
    write,
    end() {
      const rest = held;
      held = '';
      return rest;
    },
  };
}

/** Behind the `>` that isn't in quotes; -1: it is still to come. */
function endOfTag(text: string): number {
  let quote = '';
  for (let at = 1; at < text.length && at <= longestTag; at++) {
    const each = text.charAt(at);
    if (quote !== '') quote = each === quote ? '' : quote;
    else if (each === '>') return at + 1;
    else if (each === '"' || each === "'") quote = each;
  }
  return -1;
}

function nameOf(tag: string): string {
  return /^<([^\s/>]+)/.exec(tag)?.[1]?.toLowerCase() ?? '';
}

const attribute = /(?<=[\s/"'])([^\s"'<>/=]+)(\s*=\s*)("[^"]*"|'[^']*'|[^\s"'=<>`]+)/g;

function rewritten(tag: string, element: string, behind: Behind): string {
  const names = links.get(element);
  if (names === undefined) return tag;
  return tag.replaceAll(attribute, (whole, name: string, equals: string, value: string) => {
    if (!names.includes(name.toLowerCase())) return whole;
    const quote = /^["']/.exec(value)?.[0] ?? '';
    const link = value.slice(quote.length, value.length - quote.length);
    return `${name}${equals}${quote}${relocated(link.trim(), behind)}${quote}`;
  });
}

/** The same of bytes: all encodings in which markup is ASCII keep every byte. */
export function pageTransform(behind: Behind): Transform {
  const page = createPageRewriter(behind);
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      done(null, Buffer.from(page.write(chunk.toString('latin1')), 'latin1'));
    },
    flush(done) {
      done(null, Buffer.from(page.end(), 'latin1'));
    },
  });
}
