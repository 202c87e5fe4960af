import { traversal } from '../cost.ts';
import { CelError } from '../errors.ts';
import { define, type Overload } from '../functions.ts';
import { ListValue, MapValue, OpaqueValue } from '../values.ts';

/** The parts of a URI as it was written; the query without its question mark. */
interface Parts {
  readonly scheme: string;
  readonly host: string;
  readonly path: string;
  readonly query: string;
}

class UrlValue extends OpaqueValue {
  override readonly typeName = 'kubernetes.URL';
  readonly text: string;
  readonly parts: Parts;

  constructor(text: string, parts: Parts) {
    super();
    this.text = text;
    this.parts = parts;
  }

  override equals(other: OpaqueValue): boolean {
    return other instanceof UrlValue && other.text === this.text;
  }
}

/** An absolute URI or an absolute path, as HTTP requests name things (RFC 3986); undefined for anything else. */
function parse(text: string): Parts | undefined {
  // oxlint-disable-next-line no-control-regex -- RFC 3986 has no control characters
  if (/[\u0000-\u0020\u007f]/.test(text)) return undefined;
  const match = /^(?:([A-Za-z][A-Za-z0-9+.-]*):)?(?:\/\/([^/?]*))?([^?]*)(?:\?(.*))?$/.exec(text);
  if (match === null) return undefined;
  const [, scheme = '', authority, path = '', query = ''] = match;
  if (scheme === '' && (authority !== undefined || !path.startsWith('/'))) return undefined;
  const host = (authority ?? '').slice((authority ?? '').lastIndexOf('@') + 1);
  if (!/^(?:\[[0-9a-fA-F:.%a-zA-Z_-]*\]|[^:[\]<>"\\^`{|}]*)(?::\d*)?$/.test(host)) return undefined;
  if (/%(?![0-9a-fA-F]{2})/.test(path) || (scheme !== '' && authority === undefined && path !== '' && !path.startsWith('/') && path.includes(' '))) return undefined;
  return { scheme: scheme.toLowerCase(), host, path, query };
}

function parsed(text: string): UrlValue {
  const parts = parse(text);
  if (parts === undefined) throw new CelError(`URL parse error during conversion from string: parse ${JSON.stringify(text)}: invalid URI for request`);
  return new UrlValue(text, parts);
}

function hostname(host: string): string {
  return host.replace(/:\d*$/, '').replace(/^\[(.*)\]$/, '$1');
}

function queryOf(query: string): MapValue {
  const values = new Map<string, string[]>();
  for (const [key, value] of new URLSearchParams(query)) values.set(key, [...values.get(key) ?? [], value]);
  return MapValue.of([...values].map(([key, all]) => [key, ListValue.of(all)] as const));
}

const escaped = (path: string): string => path.replaceAll(/[^\u0021-\u007e]|["<>\\^`{|}]/gu, (one) => encodeURIComponent(one));

/** Kubernetes' URL functions. */
export const urls: readonly Overload[] = [
  define('url(string): url', parsed, { cost: traversal(0) }),
  define('isURL(string): bool', (text: string) => parse(text) !== undefined, { cost: traversal(0) }),
  define('url::getScheme(): string', ({ parts }: UrlValue) => parts.scheme),
  define('url::getHost(): string', ({ parts }: UrlValue) => parts.host),
  define('url::getHostname(): string', ({ parts }: UrlValue) => hostname(parts.host)),
  define('url::getPort(): string', ({ parts }: UrlValue) => /:(\d*)$/.exec(parts.host)?.[1] ?? ''),
  define('url::getEscapedPath(): string', ({ parts }: UrlValue) => escaped(parts.path)),
  define('url::getQuery(): map<string, list<string>>', ({ parts }: UrlValue) => queryOf(parts.query)),
];
