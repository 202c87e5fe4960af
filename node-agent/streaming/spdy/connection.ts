import { dataFrame, parseFrames, pingFrame, replyFrame, resetFrame, type SpdyFrame } from './frames.ts';
import { createHeaderReader, createHeaderWriter, type HeaderReader, type HeaderWriter } from './header-block.ts';

/** A stream that the client has opened, as the other end writes to it. */
export interface SpdyStream {
  /** Resolves when more may follow. */
  write(data: Buffer): Promise<void>;
  /** Nothing follows, and what the client still sends is passed over. */
  end(): Promise<void>;
}

/** What takes the client's bytes of one stream. */
export interface SpdySink {
  /** Resolves when it has taken them: only then the client's next frame is read. */
  take(data: Buffer, end: boolean): Promise<void>;
  /** The client has given up the stream, or is gone. */
  reset(): void;
}

export interface SpdyConnectionOptions {
  /** Bytes for the client; resolves when more may follow. */
  send(bytes: Buffer): Promise<void>;
  /** A stream with these headers (names in small letters) is asked for: what to do with it once it is open; undefined refuses it. */
  accept(headers: ReadonlyMap<string, string>): ((stream: SpdyStream) => SpdySink) | undefined;
}

export interface SpdyConnection {
  /** Bytes of the client, in order. */
  receive(bytes: Buffer): Promise<void>;
  close(): void;
  /** Resolves when it is over, for whatever reason. */
  readonly ended: Promise<void>;
}

/** One client's connection. */
interface Session {
  readonly options: SpdyConnectionOptions;
  readonly reader: HeaderReader;
  readonly writer: HeaderWriter;
  /** The open ones. */
  readonly sinks: Map<number, SpdySink>;
  isOver: boolean;
  close(): void;
}

/** SPDY/3.1 as Kubernetes' streams use it: only clients open streams, and there are no windows. */
export function createSpdyConnection(options: SpdyConnectionOptions): SpdyConnection {
  const over = Promise.withResolvers<void>();
  let rest: Buffer = Buffer.alloc(0);
  let queue: Promise<void> = Promise.resolve();
  const session: Session = {
    options, reader: createHeaderReader(), writer: createHeaderWriter(), sinks: new Map(), isOver: false,
    close() {
      if (session.isOver) return;
      session.isOver = true;
      for (const sink of session.sinks.values()) sink.reset();
      session.reader.close();
      session.writer.close();
      over.resolve();
    },
  };
  return {
    ended: over.promise,
    close: () => session.close(),
    receive(bytes) {
      queue = queue.then(async () => {
        if (session.isOver) return;
        const parsed = parseFrames(Buffer.concat([rest, bytes]));
        rest = parsed.rest;
        for (const frame of parsed.frames) await take(session, frame);
      }).catch(() => session.close());
      return queue;
    },
  };
}

async function take(session: Session, frame: SpdyFrame): Promise<void> {
  switch (frame.type) {
    case 'synStream': return await opened(session, frame);
    case 'data': return await session.sinks.get(frame.streamId)?.take(frame.data, frame.end);
    case 'reset': return session.sinks.get(frame.streamId)?.reset();
    case 'ping': return await session.options.send(pingFrame(frame.id));
    case 'goAway': return session.close();
    case 'other':
      // It belongs to the one compressed stream, whatever it says.
      if (frame.headerBlock !== undefined && frame.headerBlock.length > 0) await session.reader.read(frame.headerBlock);
  }
}

async function opened(session: Session, { streamId, end, headerBlock }: Extract<SpdyFrame, { type: 'synStream' }>): Promise<void> {
  const { options, sinks } = session;
  const open = options.accept(await session.reader.read(headerBlock));
  if (open === undefined || sinks.has(streamId)) return await options.send(resetFrame(streamId));
  await options.send(replyFrame(streamId, await session.writer.write(new Map())));
  // The client may have gone meanwhile.
  if (session.isOver) return;
  const sink = open({
    write: (data) => options.send(dataFrame(streamId, data, false)),
    async end() {
      sinks.delete(streamId);
      if (!session.isOver) await options.send(dataFrame(streamId, Buffer.alloc(0), true));
    },
  });
  sinks.set(streamId, sink);
  if (end) await sink.take(Buffer.alloc(0), true);
}
