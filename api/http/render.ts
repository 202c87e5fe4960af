import type { OutgoingHttpHeaders } from 'node:http';
import { stringify } from 'yaml';
import { apiVersionOf, type KubernetesObject } from '../../machinery/kinds/kind.ts';
import type { ApiError } from '../../machinery/status.ts';
import type { ListResult, Result } from '../request.ts';
import type { Entry } from '../store/cache.ts';
import type { Resource } from '../resources/define.ts';
import { parseTrusted, stringifyExact } from '../schema/json-exact.ts';
import type { Exchange } from './exchange.ts';
import { listPieces, slices } from './list-body.ts';
import type { Answer } from './negotiation.ts';
import { protobufType } from './protobuf/decode.ts';
import type { ProtobufEncoder } from './protobuf/encode.ts';
import { envelope } from './protobuf/envelope.ts';
import { protobufListPieces } from './protobuf/list-body.ts';
import { send, sendSlices } from './send.ts';
import { includeObject, tableHead, type TableRenderer } from './table.ts';

/** How one answer is to be written. */
export interface Rendering {
  readonly answer: Answer;
  readonly pretty: boolean;
  readonly query: Readonly<Record<string, string>>;
  /** Headers that every answer to this request carries. */
  readonly headers: OutgoingHttpHeaders;
  readonly tables: TableRenderer;
  readonly protobuf: ProtobufEncoder;
  /** Cuts off who takes nothing for so long. */
  readonly idleMs: number;
}

/**
 * What may be rewritten for eyes: more would hold the event loop, and leaves as the JSON that it is. Every YAML parser reads that.
 * In bytes; in YAML they count little, and each value much.
 */
const mostRewritten = 512 * 1024;
const yamlCosts = { aByte: 1 / 4, aValue: 128 };
const comma = 0x2c;

function costOf({ media }: Answer, json: Buffer): number {
  if (media !== 'application/yaml') return json.length;
  let values = 1;
  for (let at = json.indexOf(comma); at >= 0; at = json.indexOf(comma, at + 1)) values++;
  return json.length * yamlCosts.aByte + values * yamlCosts.aValue;
}

function isRewritten({ media }: Answer, pretty: boolean): boolean {
  return media === 'application/yaml' || pretty;
}

/** Writes an object, a list or a Status. */
export function render(exchange: Exchange, result: Exclude<Result, { type: 'watch' | 'agent' | 'proxy' }>, rendering: Rendering): Promise<void> {
  switch (result.type) {
    case 'entry': return send(exchange, result.code, ...entryAnswer(result.resource, result.entry, rendering));
    case 'object': return send(exchange, result.code, ...objectAnswer(result.object, rendering));
    case 'list': return renderList(exchange, result, rendering);
  }
}

/** Writes a failure as its Status. */
export function renderFailure(exchange: Exchange, error: ApiError, rendering: Pick<Rendering, 'headers' | 'pretty'> & Partial<Pick<Rendering, 'answer' | 'protobuf'>>): Promise<void> {
  const { retryAfterSeconds } = error.status.details ?? {};
  const headers = retryAfterSeconds === undefined ? rendering.headers : { ...rendering.headers, 'retry-after': String(retryAfterSeconds) };
  const answer: Answer = rendering.answer ?? { as: 'json', media: 'application/json' };
  return send(exchange, error.code, ...objectAnswer(error.status, { ...rendering, answer, headers }));
}

async function renderList(exchange: Exchange, result: ListResult, rendering: Rendering): Promise<void> {
  const { answer, tables, query, headers, idleMs } = rendering;
  if (answer.media === protobufType) {
    const message = await protobufListPieces(rendering.protobuf, result, answer.as === 'json' ? 'protobuf' : 'protobuf-metadata');
    return sendSlices(exchange, 200, { ...headers, 'content-type': protobufType }, slices(message), idleMs);
  }
  const pieces = listPieces(result, answer.as, tables, includeObject(query));
  const { whole, more } = isRewritten(answer, rendering.pretty) ? gathered(pieces, answer) : { whole: undefined, more: pieces };
  if (whole !== undefined) return send(exchange, 200, ...written(rendering, whole));
  return sendSlices(exchange, 200, { ...headers, 'content-type': contentType(answer) }, slices(more), idleMs);
}

/** The bytes at once when they can be rewritten; else in pieces. */
function gathered(pieces: Iterable<Buffer>, answer: Answer): { readonly whole: Buffer; readonly more?: undefined } | { readonly whole?: undefined; readonly more: Iterable<Buffer> } {
  const first: Buffer[] = [];
  let cost = 0;
  const rest = pieces[Symbol.iterator]();
  for (let next = rest.next(); next.done !== true; next = rest.next()) {
    first.push(next.value);
    cost += costOf(answer, next.value);
    if (cost > mostRewritten) return { more: chained(first, rest) };
  }
  return { whole: Buffer.concat(first) };
}

function* chained(first: readonly Buffer[], rest: Iterator<Buffer>): Generator<Buffer> {
  yield* first;
  for (let next = rest.next(); next.done !== true; next = rest.next()) yield next.value;
}

function entryAnswer(resource: Resource, entry: Entry, rendering: Rendering): [OutgoingHttpHeaders, Buffer] {
  const { answer, headers } = rendering;
  if (answer.media !== protobufType) return written(rendering, entryBody(resource, entry, rendering));
  const body = answer.as === 'json' ? envelope(apiVersionOf(resource), resource.kind, entry.encoded('protobuf'))
    : envelope('meta.k8s.io/v1', 'PartialObjectMetadata', entry.encoded('protobuf-metadata'));
  return [{ ...headers, 'content-type': protobufType }, body];
}

/** What has no protobuf form is answered in JSON, and says so. */
function objectAnswer(object: KubernetesObject | ApiError['status'], rendering: Pick<Rendering, 'answer' | 'pretty' | 'headers'> & Partial<Pick<Rendering, 'protobuf'>>): [OutgoingHttpHeaders, Buffer] {
  const { answer, protobuf, headers } = rendering;
  const { apiVersion = '', kind = '' } = object;
  if (answer.media !== protobufType) return written(rendering, objectBody(object));
  if (protobuf?.knows(apiVersion, kind) !== true) return written({ ...rendering, answer: { as: 'json', media: 'application/json' } }, objectBody(object));
  return [{ ...headers, 'content-type': protobufType }, envelope(apiVersion, kind, protobuf.message(apiVersion, kind, object))];
}

function entryBody(resource: Resource, entry: Entry, { answer, tables, query }: Rendering): Buffer {
  if (answer.as === 'Table') {
    const metadata = { resourceVersion: String(entry.revision) };
    return Buffer.from(`${tableHead(metadata, tables.columns(resource))}${tables.row(resource, entry, includeObject(query))}]}`);
  }
  return entry.encoded(answer.as === 'json' ? 'json' : 'metadata');
}

function objectBody(object: KubernetesObject | ApiError['status']): Buffer {
  return Buffer.from(stringifyExact(object));
}

function written({ answer, pretty, headers }: Pick<Rendering, 'answer' | 'pretty' | 'headers'>, json: Buffer): [OutgoingHttpHeaders, Buffer] {
  return [{ ...headers, 'content-type': contentType(answer) }, text(answer, pretty, json)];
}

function text(answer: Answer, pretty: boolean, json: Buffer): Buffer {
  if (!isRewritten(answer, pretty) || costOf(answer, json) > mostRewritten) return json;
  const value = parseTrusted(json.toString());
  if (answer.media === 'application/yaml') return Buffer.from(stringify(value, { schema: 'yaml-1.1', aliasDuplicateObjects: false, lineWidth: 0 }));
  return Buffer.from(`${stringifyExact(value, 2)}\n`);
}

function contentType({ media }: Answer): string {
  return media;
}
