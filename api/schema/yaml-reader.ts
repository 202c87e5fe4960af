import { Worker } from 'node:worker_threads';
import { failure } from '../../machinery/status.ts';

/** What became of YAML text: its JSON, or why there is none. */
export type YamlOutcome =
  | { readonly json: Uint8Array; /** What the strict reading refuses. */ readonly duplicates: readonly string[] }
  | { readonly problem: string };

export interface YamlRequest {
  readonly id: number;
  readonly bytes: Uint8Array;
}

export interface YamlReply {
  readonly id: number;
  readonly result: YamlOutcome;
}

/** Reads YAML off the event loop. */
export interface YamlReader {
  /** Throws 413 when it takes too long, 503 when the reader is closed. */
  read(bytes: Buffer): Promise<YamlOutcome>;
  close(): Promise<void>;
}

/** From this size on the thread is worth its while. */
const largeBytes = 16 * 1024;
const openBrace = 0x7b;

/** Would the body hold the event loop? JSON, as client libraries send it under the name of YAML, does not. */
export function isSlowYaml(bytes: Buffer, mediaType: string): boolean {
  return bytes.length >= largeBytes && bytes[0] !== openBrace && mediaType.includes('yaml');
}

/** What takes longer is meant to. */
const longestMs = 20_000;

/** The thread is started when first needed; `close()` ends it. */
export function createYamlReader(): YamlReader {
  let worker: Worker | undefined;
  let isClosed = false;
  let lastId = 0;
  const waiting = new Map<number, { resolve(outcome: YamlOutcome): void; reject(reason: Error): void }>();

  function endWith(reason: Error): void {
    worker = undefined;
    for (const { reject } of waiting.values()) reject(reason);
    waiting.clear();
  }

  function start(): Worker {
    const started = new Worker(new URL('yaml-thread.ts', import.meta.url));
    started.unref();
    started.on('message', ({ id, result }: YamlReply) => {
      waiting.get(id)?.resolve(result);
      waiting.delete(id);
    });
    started.on('error', (cause) => { if (worker === started) endWith(failure('InternalError', 'Internal error occurred: the YAML reader failed', undefined, { cause })); });
    started.on('exit', () => { if (worker === started) endWith(failure('RequestEntityTooLarge', 'the YAML of the body takes too long to read: send JSON')); });
    return started;
  }

  return {
    async read(bytes) {
      if (isClosed) throw failure('ServiceUnavailable', 'the server is stopping');
      worker ??= start();
      const thread = worker;
      const id = ++lastId;
      const deadline = setTimeout(() => void thread.terminate(), longestMs);
      try {
        return await new Promise<YamlOutcome>((resolve, reject) => {
          waiting.set(id, { resolve, reject });
          thread.postMessage({ id, bytes } satisfies YamlRequest, []);
        });
      } finally {
        clearTimeout(deadline);
      }
    },
    async close() {
      isClosed = true;
      const thread = worker;
      endWith(failure('ServiceUnavailable', 'the server is stopping'));
      await thread?.terminate();
    },
  };
}
