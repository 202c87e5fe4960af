import type { Resource } from '../resources/define.ts';
import type { Change, Entry, Form } from '../store/cache.ts';
import type { ProtobufEncoder } from './protobuf/encode.ts';
import { protobufFrame } from './protobuf/watch-frames.ts';
import { objectFrame, type Frame } from './watch-frames.ts';

/**
 * What many watchers are told at once: each change is framed once, and what several are told together is put together once.
 * Remembered for one turn of the event loop, in which the cache serves all who watch the same thing.
 */
export interface SharedFrames {
  /** The bytes of `changes`, for any number of watchers; nobody may change them. */
  join(resource: Resource, form: Form, changes: readonly Change[]): Buffer;
}

/** `soon`: runs when the current turn of the event loop is over. */
export function createSharedFrames(soon: (run: () => void) => void, protobuf: ProtobufEncoder): SharedFrames {
  const framers: Readonly<Record<Form, ReturnType<typeof remembering>>> = {
    json: remembering(objectFrame('json')), metadata: remembering(objectFrame('metadata')),
    protobuf: remembering(protobufFrame(protobuf, 'protobuf')), 'protobuf-metadata': remembering(protobufFrame(protobuf, 'protobuf-metadata')),
  };
  /** What was put together last: nearly always for the next watcher as well. */
  let last: { readonly resource: Resource; readonly form: Form; readonly changes: readonly Change[]; readonly bytes: Buffer } | undefined;
  let isRemembering = false;

  function forget(): void {
    isRemembering = false;
    last = undefined;
    for (const framer of Object.values(framers)) framer.forget();
  }

  return {
    join(resource, form, changes) {
      if (!isRemembering) {
        isRemembering = true;
        soon(forget);
      }
      if (last?.form === form && last.resource === resource && isSame(last.changes, changes)) return last.bytes;
      const parts = changes.map((change) => framers[form].frame(resource, change));
      const [only] = parts;
      const bytes = only !== undefined && parts.length === 1 ? only : Buffer.concat(parts);
      last = { resource, form, changes, bytes };
      return bytes;
    },
  };
}

function isSame(a: readonly Change[], b: readonly Change[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

function remembering(frame: Frame): { readonly frame: Frame; forget(): void } {
  const known = { ADDED: new Map<Entry, Buffer>(), MODIFIED: new Map<Entry, Buffer>(), DELETED: new Map<Entry, Buffer>() };
  return {
    frame(resource, change) {
      if (change.type === 'BOOKMARK') return frame(resource, change);
      const of = known[change.type];
      let bytes = of.get(change.entry);
      if (bytes === undefined) {
        bytes = frame(resource, change);
        of.set(change.entry, bytes);
      }
      return bytes;
    },
    forget() {
      for (const of of Object.values(known)) of.clear();
    },
  };
}
