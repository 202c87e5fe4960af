import { apiVersionOf } from '../../machinery/kinds/kind.ts';
import type { Accept, ListResult } from '../request.ts';
import type { Entry } from '../store/cache.ts';
import { tableHead, type IncludeObject, type TableRenderer } from './table.ts';

/** The most that leaves in one piece: a longer one would hold the event loop. */
export const sliceBytes = 256 * 1024;

const comma = Buffer.from(',');
const opening = Buffer.from('{');
const commaOpening = Buffer.from(',{');
const closing = Buffer.from(']}');

/** A list's JSON as buffers that are shared with the cache; nobody may change them. */
export function listPieces(result: ListResult, as: Accept['as'], tables: TableRenderer, include: IncludeObject): Iterable<Buffer> {
  const metadata = listMetadata(result);
  if (as === 'Table') return tablePieces(result, metadata, tables, include);
  if (as === 'json') return jsonPieces(result, metadata);
  return metadataPieces(result, metadata);
}

function listMetadata({ revision, continue: next, remainingItemCount }: ListResult): object {
  return {
    resourceVersion: String(revision),
    ...(next === undefined ? {} : { continue: next }),
    ...(remainingItemCount === undefined ? {} : { remainingItemCount }),
  };
}

/** Items of lists omit kind and apiVersion, as Kubernetes' do, but for custom resources: the canonical encoding starts with just these. */
function* jsonPieces({ resource, entries }: ListResult, metadata: object): Generator<Buffer> {
  yield Buffer.from(`{"kind":${JSON.stringify(resource.listKind)},"apiVersion":${JSON.stringify(apiVersionOf(resource))},"metadata":${JSON.stringify(metadata)},"items":[`);
  const head = Buffer.from(`{"kind":${JSON.stringify(resource.kind)},"apiVersion":${JSON.stringify(apiVersionOf(resource))},`);
  let first = true;
  for (const entry of entries) {
    const encoded = entry.encoded('json');
    if (resource.custom === undefined && startsWith(encoded, head)) {
      yield first ? opening : commaOpening;
      yield encoded.subarray(head.length);
    } else {
      if (!first) yield comma;
      yield encoded;
    }
    first = false;
  }
  yield closing;
}

function startsWith(bytes: Buffer, head: Buffer): boolean {
  return bytes.length > head.length && head.compare(bytes, 0, head.length) === 0;
}

function* metadataPieces({ entries }: ListResult, metadata: object): Generator<Buffer> {
  yield Buffer.from(`{"kind":"PartialObjectMetadataList","apiVersion":"meta.k8s.io/v1","metadata":${JSON.stringify(metadata)},"items":[`);
  yield* separated(entries, (entry) => entry.encoded('metadata'));
  yield closing;
}

function* tablePieces({ resource, entries }: ListResult, metadata: object, tables: TableRenderer, include: IncludeObject): Generator<Buffer> {
  yield Buffer.from(tableHead(metadata, tables.columns(resource)));
  const { rowOrder } = resource;
  const rows = rowOrder === undefined ? entries : entries.toSorted((a, b) => rowOrder(a.object, b.object));
  yield* separated(rows, (entry) => Buffer.from(tables.row(resource, entry, include)));
  yield closing;
}

function* separated(entries: readonly Entry[], encode: (entry: Entry) => Buffer): Generator<Buffer> {
  for (const [index, entry] of entries.entries()) {
    if (index > 0) yield comma;
    yield encode(entry);
  }
}

/** The same bytes in pieces of about `sliceBytes`; a piece that is longer by itself stays whole. */
export function* slices(pieces: Iterable<Buffer>): Generator<Buffer> {
  let gathered: Buffer[] = [];
  let size = 0;
  for (const piece of pieces) {
    if (size > 0 && size + piece.length > sliceBytes) {
      yield Buffer.concat(gathered, size);
      gathered = [];
      size = 0;
    }
    gathered.push(piece);
    size += piece.length;
  }
  yield Buffer.concat(gathered, size);
}
