/** What is older than the newest revision: the reader answers it until a compaction takes it away. */
import { WriteFailedError } from '../errors.ts';
import { CompactedError, FutureRevisionError, type RangeRequest, type RangeResult, type Revision } from '../store.ts';
import type { ReaderOptions, ReaderReply, ReaderRequest, WriterReply, WriterRequest } from './protocol.ts';
import { unpackRows } from './rows.ts';
import { versionOfRow } from './versions.ts';
import { startWorker, type WorkerLink } from './worker-link.ts';

export type Writer = WorkerLink<WriterRequest, WriterReply>;
type Reader = WorkerLink<ReaderRequest | { readonly type: 'close' }, ReaderReply>;

export interface Past {
  readonly compacted: Revision;
  /** As of `revision`. Throws `CompactedError`, `FutureRevisionError`. */
  range(request: RangeRequest, revision: Revision): Promise<RangeResult>;
  history(request: Omit<Extract<ReaderRequest, { type: 'history' }>, 'type'>): Promise<ReaderReply>;
  compact(revision: Revision): Promise<void>;
  close(): Promise<void>;
  terminate(): Promise<void>;
}

export interface PastOptions {
  readonly path: string;
  readonly writer: Writer;
  readonly compacted: Revision;
  /** The newest durable revision. */
  readonly revision: () => Revision;
  readonly onCrash: (error: Error) => void;
}

/** The reader is started when first asked: most processes never read the past. */
export function createPast({ path, writer, compacted, revision: newest, onCrash }: PastOptions): Past {
  let oldest = compacted;
  let reader: Reader | undefined;
  const closing = new AbortController();
  let compacting: Promise<unknown> = Promise.resolve();

  /** What is left to sweep when the store closes, the next compaction sweeps. */
  async function compactTo(revision: Revision): Promise<void> {
    expectWritten(await writer.request({ type: 'compact', revision }));
    while (!closing.signal.aborted) {
      const reply = await writer.request({ type: 'sweep' });
      expectWritten(reply);
      if (reply.type === 'swept' && reply.done) return;
    }
  }

  function ask(message: ReaderRequest): Promise<ReaderReply> {
    const data: ReaderOptions = { path };
    reader ??= startWorker(new URL('./reader-worker.ts', import.meta.url), data, onCrash);
    return reader.request(message);
  }

  return {
    get compacted() {
      return oldest;
    },
    async range({ from, to, limit = 0, countOnly = false }, revision) {
      if (revision > newest()) throw new FutureRevisionError(newest());
      if (revision < oldest) throw new CompactedError(oldest);
      const reply = await ask({ type: 'range', from, to, revision, limit, countOnly });
      if (reply.type === 'compacted') throw new CompactedError(reply.revision);
      if (reply.type !== 'range') throw new Error(`unexpected reply of the reader: ${reply.type}`);
      return { revision: newest(), items: [...unpackRows(reply.rows)].map(versionOfRow), count: reply.count };
    },
    history: (request) => ask({ type: 'history', ...request }),
    async compact(revision) {
      if (revision > newest()) throw new FutureRevisionError(newest());
      if (revision <= oldest) return;
      oldest = revision;
      const work = compactTo(revision);
      compacting = Promise.allSettled([compacting, work]);
      await work;
    },
    async close() {
      closing.abort();
      // The writer must not be asked for a slice once it has closed.
      await compacting;
      if (reader === undefined) return;
      // The reader answers `close` by ending; what it was asked before is answered first.
      await Promise.allSettled([reader.request({ type: 'close' }), reader.ended]);
    },
    async terminate() {
      await reader?.terminate();
    },
  };
}

function expectWritten(reply: WriterReply): void {
  if (reply.type === 'failed') throw new WriteFailedError(new Error(reply.message));
}
