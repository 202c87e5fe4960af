import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { failure } from '../../machinery/status.ts';
import { clauses } from '../http/negotiation.ts';
import type { Page, PageAnswer } from '../http/serve.ts';
import type { ExtensionOpenApi, VersionThree } from '../aggregation/extension-openapi.ts';
import type { Registry } from '../registry.ts';
import type { Resource } from '../resources/define.ts';

/** `/openapi/v2`, `/openapi/v3` and what v3 points to. The documents are built at the first question: most servers are never asked. */
export function openApiPages(registry: Pick<Registry, 'resources'>, extensions: ExtensionOpenApi): Page {
  return ({ info: { path, verb }, query }, headers) => {
    if (verb !== 'get' && verb !== 'head') return undefined;
    const { resources } = registry;
    if (path === '/openapi/v2') return versionTwo(resources, extensions, headers);
    if (path === '/openapi/v3') return versionThreeIndex(resources, extensions, headers);
    if (path.startsWith('/openapi/v3/')) return versionThree(resources, extensions, path.slice('/openapi/v3/'.length), query['hash'], headers);
    return undefined;
  };
}

const protobuf = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf';

/** What version 2 is asked for as, and what is answered. The older name of its protobuf, with `@`, is no media type, but clients use it. */
const versionTwoMedia: ReadonlyMap<string, string> = new Map([
  ['*/*', 'application/json'], ['application/*', 'application/json'], ['application/json', 'application/json'],
  [protobuf, protobuf], ['application/com.github.proto-openapi.spec.v2@v1.0+protobuf', protobuf],
]);

async function versionTwo(resources: readonly Resource[], extensions: ExtensionOpenApi, headers: IncomingHttpHeaders): Promise<PageAnswer> {
  const media = clauses(headers.accept ?? '*/*').map(({ type }) => versionTwoMedia.get(type)).find((type) => type !== undefined);
  if (media === undefined) throw failure('NotAcceptable', `only the following media types are accepted: application/json, ${protobuf}`);
  const { openApiV2, openApiV2Protobuf } = await import('../schema/openapi-v2.ts');
  const body = await (media === protobuf ? openApiV2Protobuf : openApiV2)(resources, await extensions.parts());
  return tagged(body, media, headers);
}

async function versionThreeIndex(resources: readonly Resource[], extensions: ExtensionOpenApi, headers: IncomingHttpHeaders): Promise<PageAnswer> {
  const { openApiV3Index } = await import('../schema/openapi-v3.ts');
  return tagged(withExtensions(await openApiV3Index(resources), await extensions.documents()), 'application/json', headers);
}

/** Extension servers answer for their documents themselves, unless these are made here. */
function withExtensions(index: Buffer, extensions: ReadonlyMap<string, VersionThree>): Buffer {
  if (extensions.size === 0) return index;
  const theirs = [...extensions].map(([root, document]) => [root, { serverRelativeURL: 'url' in document ? document.url : `/openapi/v3/${root}?hash=${hashOf(document.made)}` }]);
  const { paths } = JSON.parse(index.toString()) as { readonly paths: object };
  return Buffer.from(JSON.stringify({ paths: { ...paths, ...Object.fromEntries(theirs) } }));
}

/** What is asked for by the hash that the index gave may be kept for ever: kubectl does. */
async function versionThree(resources: readonly Resource[], extensions: ExtensionOpenApi, document: string, hash: string | undefined, headers: IncomingHttpHeaders): Promise<PageAnswer> {
  const { openApiV3 } = await import('../schema/openapi-v3.ts');
  const body = await openApiV3(resources, document) ?? await madeFor(extensions, document);
  if (body === undefined) throw failure('NotFound', 'the server could not find the requested resource');
  const answer = tagged(body, 'application/json', headers);
  return answer.headers['etag'] === `"${hash}"` ? { ...answer, headers: { ...answer.headers, 'cache-control': `public, immutable, max-age=${yearSeconds}` } } : answer;
}

async function madeFor(extensions: ExtensionOpenApi, document: string): Promise<Buffer | undefined> {
  const found = (await extensions.documents()).get(document);
  return found !== undefined && 'made' in found ? found.made : undefined;
}

const hashes = new WeakMap<Buffer, string>();

/** A document is hashed once: the index names them all. */
function hashOf(body: Buffer): string {
  const known = hashes.get(body);
  if (known !== undefined) return known;
  const hash = createHash('sha512').update(body).digest('hex').toUpperCase();
  hashes.set(body, hash);
  return hash;
}

const yearSeconds = 365 * 24 * 60 * 60;

function tagged(body: Buffer, media: string, headers: IncomingHttpHeaders): PageAnswer {
  const etag = `"${hashOf(body)}"`;
  if (headers['if-none-match'] === etag) return { code: 304, headers: { etag, vary: 'Accept' }, body: Buffer.alloc(0) };
  return { code: 200, headers: { 'content-type': media, vary: 'Accept', etag }, body };
}
