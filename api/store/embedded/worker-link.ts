import { Worker } from 'node:worker_threads';
import { asError, StoreEndedError } from '../errors.ts';

/** A worker that answers each request once, in order. */
export interface WorkerLink<Request, Reply> {
  /** Rejects with `StoreEndedError` when the worker died or dies before it answers. */
  request(message: Request, move?: readonly ArrayBuffer[]): Promise<Reply>;
  /** Resolves once the thread is gone. */
  readonly ended: Promise<void>;
  terminate(): Promise<void>;
}

interface Waiting<Reply> {
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: Error) => void;
}

/** Every reply of a store's thread says its type. */
function isReply<Reply>(message: unknown): message is Reply {
  return typeof message === 'object' && message !== null && 'type' in message;
}

/** Starts the worker in `file`. `onCrash` is called once if it ends with an error. */
export function startWorker<Request, Reply>(file: URL, data: unknown, onCrash: (error: Error) => void): WorkerLink<Request, Reply> {
  const worker = new Worker(file, { workerData: data });
  const waiting: Waiting<Reply>[] = [];
  let gone: StoreEndedError | undefined;
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  const stop = (error: StoreEndedError): void => {
    gone ??= error;
    for (const { reject } of waiting.splice(0)) reject(gone);
  };
  worker.on('message', (message: unknown) => {
    // Under `node --watch` a thread tells its owner also of the files that it reads.
    if (isReply<Reply>(message)) waiting.shift()?.resolve(message);
  });
  worker.on('error', (error) => {
    const cause = asError(error);
    stop(new StoreEndedError(cause));
    onCrash(cause);
  });
  worker.on('exit', () => {
    stop(new StoreEndedError());
    end();
  });
  return {
    request(message, move = []) {
      if (gone !== undefined) return Promise.reject(gone);
      const { promise, resolve, reject } = Promise.withResolvers<Reply>();
      waiting.push({ resolve, reject });
      worker.postMessage(message, [...move]);
      return promise;
    },
    ended,
    async terminate() {
      await worker.terminate();
    },
  };
}
