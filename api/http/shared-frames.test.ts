import { describe, expect, it } from 'vitest';
import { defineKind } from '../../machinery/kinds/kind.ts';
import { defineResource } from '../resources/define.ts';
import type { Change, Entry } from '../store/cache.ts';
import { createProtobufEncoder } from './protobuf/encode.ts';
import { createSharedFrames } from './shared-frames.ts';

const widgets = defineResource(defineKind('example.com', 'v1', 'Widget', 'widgets'));

/** An entry that counts how often it is encoded. */
function entry(name: string): { readonly entry: Entry; readonly encodings: () => number } {
  let count = 0;
  const bytes = Buffer.from(JSON.stringify({ metadata: { name } }));
  return {
    encodings: () => count,
    entry: {
      key: name, namespace: '', name, uid: '', revision: 5, labels: {}, field: () => undefined, stored: bytes, object: {}, exact: {},
      encoded() {
        count += 1;
        return bytes;
      },
    },
  };
}

describe('frames for many watchers', () => {
  it('are made once, joined once, and the same bytes for everybody', () => {
    const [a, b] = [entry('a'), entry('b')];
    const turns: (() => void)[] = [];
    const frames = createSharedFrames((run) => { turns.push(run); }, createProtobufEncoder());
    const changes: readonly Change[] = [{ type: 'ADDED', entry: a.entry }, { type: 'MODIFIED', entry: b.entry }];
    const first = frames.join(widgets, 'json', changes);
    expect(first.toString()).toBe('{"type":"ADDED","object":{"metadata":{"name":"a"}}}\n{"type":"MODIFIED","object":{"metadata":{"name":"b"}}}\n');
    expect(frames.join(widgets, 'json', [...changes])).toBe(first);
    expect([a.encodings(), b.encodings(), turns.length]).toEqual([1, 1, 1]);
  });

  it('differ where watchers see the same change differently', () => {
    const { entry: a } = entry('a');
    const frames = createSharedFrames(() => undefined, createProtobufEncoder());
    expect(frames.join(widgets, 'json', [{ type: 'ADDED', entry: a }]).toString()).toContain('ADDED');
    expect(frames.join(widgets, 'json', [{ type: 'DELETED', entry: a }]).toString()).toContain('DELETED');
  });

  it('are forgotten when the turn is over', () => {
    const a = entry('a');
    const turns: (() => void)[] = [];
    const frames = createSharedFrames((run) => { turns.push(run); }, createProtobufEncoder());
    for (let turn = 0; turn < 2; turn++) {
      frames.join(widgets, 'json', [{ type: 'ADDED', entry: a.entry }]);
      turns.pop()?.();
    }
    expect(a.encodings()).toBe(2);
  });

  it('mark bookmarks and the end of the initial state', () => {
    const frames = createSharedFrames(() => undefined, createProtobufEncoder());
    const bookmark = (more: object) => JSON.parse(frames.join(widgets, 'json', [{ type: 'BOOKMARK', revision: 9, ...more }]).toString());
    expect(bookmark({})).toMatchObject({ type: 'BOOKMARK', object: { kind: 'Widget', apiVersion: 'example.com/v1', metadata: { resourceVersion: '9' } } });
    expect(bookmark({ initialEventsEnd: true })).toMatchObject({ object: { metadata: { annotations: { 'k8s.io/initial-events-end': 'true' } } } });
  });
});
