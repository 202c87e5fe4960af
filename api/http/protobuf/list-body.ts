import { setImmediate } from 'node:timers/promises';
import { apiVersionOf } from '../../../machinery/kinds/kind.ts';
import type { ListResult } from '../../request.ts';
import type { Entry, Form } from '../../store/cache.ts';
import type { ProtobufEncoder } from './encode.ts';
import { envelopePieces, field, fieldHead } from './envelope.ts';

/** What is encoded in one turn of the event loop, of a list whose objects nobody had asked for in protobuf before. */
const turnEntries = 200;

/** A list in protobuf as buffers that are shared with the cache. Its length stands at its beginning: everything is encoded first, a few objects a turn. */
export async function protobufListPieces(encoder: ProtobufEncoder, { resource, entries, ...list }: ListResult, form: Form & `protobuf${string}`): Promise<Iterable<Buffer>> {
  await encodeAll(entries, form);
  const { revision, continue: next, remainingItemCount } = list;
  const metadata = encoder.message('v1', 'ListMeta', { resourceVersion: String(revision), continue: next, remainingItemCount });
  const pieces = [field(1, metadata)];
  for (const entry of entries) {
    const message = entry.encoded(form);
    pieces.push(fieldHead(2, message.length), message);
  }
  return form === 'protobuf' ? envelopePieces(apiVersionOf(resource), resource.listKind, pieces) : envelopePieces('meta.k8s.io/v1', 'PartialObjectMetadataList', pieces);
}

async function encodeAll(entries: readonly Entry[], form: Form): Promise<void> {
  for (const [index, entry] of entries.entries()) {
    entry.encoded(form);
    if ((index + 1) % turnEntries === 0) await setImmediate();
  }
}
