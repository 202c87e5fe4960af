import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createFrameParser, createRequests, encodeFrame, frameTypes, NativeError, PayloadReader, PayloadWriter } from './frame.ts';

const frame = fc.record({ type: fc.nat(100), id: fc.nat(), payload: fc.uint8Array({ maxLength: 50 }).map((bytes) => Buffer.from(bytes)) });

const answer = (id: number, text: string) => ({ type: frameTypes.ok, id, payload: Buffer.from(text) });

describe('frames', () => {
  it('come out as they went in, wherever the stream is cut', () => {
    fc.assert(fc.property(fc.array(frame, { maxLength: 8 }), fc.integer({ min: 1, max: 40 }), (frames, size) => {
      const bytes = Buffer.concat(frames.map(({ type, id, payload }) => encodeFrame(type, id, payload)));
      const parse = createFrameParser();
      const parsed = Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) => parse(bytes.subarray(index * size, (index + 1) * size))).flat();
      expect(parsed.map(({ type, id, payload }) => ({ type, id, payload: Buffer.from(payload) }))).toEqual(frames);
    }));
  });

  it('of impossible sizes are refused', () => {
    expect(() => createFrameParser()(Buffer.alloc(12, 0xff))).toThrow(NativeError);
    expect(() => createFrameParser()(Buffer.alloc(12))).toThrow('a frame of 4 bytes arrived');
  });

  it('carry texts, numbers and lists in order', () => {
    const payload = new PayloadWriter().text('grün').u32(7).texts(['a', '']).u64(2 ** 40).bytes();
    const reader = new PayloadReader(payload);
    expect([reader.text(), reader.u32(), reader.list(() => reader.text()), reader.u64()]).toEqual(['grün', 7, ['a', ''], 2 ** 40]);
  });

  it('never carry a text with a NUL, which C would read as its end', () => {
    expect(() => new PayloadWriter().text('a\0b')).toThrow('has a NUL character');
  });
});

describe('requests', () => {
  it('are answered by id, in any order', async () => {
    const requests = createRequests(() => undefined, 'the other end');
    const [one, two] = [requests.send(1, Buffer.alloc(0), 1000), requests.send(1, Buffer.alloc(0), 1000)];
    requests.answered(answer(2, 'two'));
    requests.answered(answer(1, 'one'));
    expect([(await one).toString(), (await two).toString()]).toEqual(['one', 'two']);
  });

  it('carry the other end\'s refusal', async () => {
    const requests = createRequests(() => undefined, 'the other end');
    const request = requests.send(1, Buffer.alloc(0), 1000);
    requests.answered({ type: frameTypes.error, id: 1, payload: new PayloadWriter().u32(5).text('not so').bytes() });
    await expect(request).rejects.toMatchObject({ code: 'BadLayer', message: 'not so' });
  });

  it('fail together when the connection does, and from then on at once', async () => {
    const requests = createRequests(() => undefined, 'the other end');
    const request = requests.send(1, Buffer.alloc(0), 1000);
    requests.fail(new NativeError('Unavailable', 'gone'));
    await expect(request).rejects.toThrow('gone');
    await expect(requests.send(1, Buffer.alloc(0), 1000)).rejects.toThrow('gone');
  });
});
