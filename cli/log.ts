import { openSync, renameSync, statSync, write, writeSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import type { Log } from '../client/log.ts';

const largestLogBytes = 10 << 20;

/** `<data-dir>/coracle.log`: one JSON line per event; the previous run's is kept as `.1` once it has grown large. */
export function openLog(dataDir: string, level: string): Log & { flush(): void } {
  const path = join(dataDir, 'coracle.log');
  if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) > largestLogBytes) renameSync(path, `${path}.1`);
  const sink = createSink(openSync(path, 'a', 0o600));
  const logger = pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, sink);
  return {
    debug: (fields, message) => logger.debug(fields, message),
    info: (fields, message) => logger.info(fields, message),
    warn: (fields, message) => logger.warn(fields, message),
    error: (fields, message) => logger.error(fields, message),
    flush: sink.flush,
  };
}

interface Sink {
  write(line: string): void;
  /** At once and without waiting for anything else, for when the process is about to end. */
  flush(): void;
}

/**
 * Lines on their way to a file. pino's own destination ends the process for a disk that is full, and at its exit waits for
 * room for ever: here such lines are lost, and the cluster goes on.
 */
function createSink(fd: number): Sink {
  let waiting: string[] = [];
  let isWriting = false;
  const next = (rest: Buffer = Buffer.from(waiting.splice(0).join(''))): void => {
    isWriting = rest.length > 0;
    if (!isWriting) return;
    write(fd, rest, (error, bytes) => next(error === null && bytes < rest.length ? rest.subarray(bytes) : undefined));
  };
  return {
    write(line) {
      waiting.push(line);
      if (!isWriting) next();
    },
    flush() {
      const text = waiting.join('');
      waiting = [];
      try {
        writeSync(fd, text);
      } catch {
        // There is nowhere left to say so.
      }
    },
  };
}
