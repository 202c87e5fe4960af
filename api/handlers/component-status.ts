import type { ComponentStatus } from '../../machinery/kinds/core.ts';
import { messageOf } from '../../machinery/thrown.ts';
import { createProtobufEncoder } from '../http/protobuf/encode.ts';
import type { Call, ListResult, Result } from '../request.ts';
import { createEntry, entryShape, type EncodeProtobuf } from '../store/entry.ts';
import type { Entry } from '../store/cache.ts';
import { notFound, type Writer } from './writer.ts';

/** `componentstatuses`: how the store is, asked at that moment. What else there is says so itself, at its own `/healthz`. */

const storeName = 'etcd-0';
/** How long the store may take to answer. */
const answerMs = 5000;

export async function getComponentStatus(writer: Writer, call: Call): Promise<Result> {
  const { resource, info } = call;
  if (info.name !== storeName) throw notFound(resource, info.name);
  return { type: 'entry', code: 200, resource, entry: entryOf(writer, call, await storeStatus(writer, call.signal)) };
}

export async function listComponentStatuses(writer: Writer, call: Call): Promise<ListResult> {
  const entries = [entryOf(writer, call, await storeStatus(writer, call.signal))];
  return { type: 'list', resource: call.resource, entries, revision: writer.caches.revision };
}

async function storeStatus({ caches }: Writer, signal: AbortSignal): Promise<ComponentStatus> {
  const error = await problemOf(caches.waitForNewest(AbortSignal.any([signal, AbortSignal.timeout(answerMs)])));
  const condition = error === undefined ? { type: 'Healthy', status: 'True', message: 'ok' } : { type: 'Healthy', status: 'False', error };
  return { metadata: { name: storeName }, conditions: [condition] };
}

async function problemOf(answer: Promise<void>): Promise<string | undefined> {
  try {
    await answer;
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

/** Few ask for this, and hardly anybody in protobuf. */
const encodeProtobuf: EncodeProtobuf = (...message) => createProtobufEncoder().message(...message);

function entryOf({ codec }: Writer, { resource }: Call, object: ComponentStatus): Entry {
  const encode = codec.encode.bind(codec);
  const shape = entryShape(resource, { freeze: false, onParsed: () => undefined, encode, encodeProtobuf });
  return createEntry(shape, shape.prefix + storeName, codec.encode(resource, object), 0);
}
