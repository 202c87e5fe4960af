import { openSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { destination, pino } from 'pino';
import type { Log } from '../client/log.ts';

const largestLogBytes = 10 << 20;

/** `<data-dir>/coracle.log`: one JSON line per event; the previous run's is kept as `.1` once it has grown large. */
export function openLog(dataDir: string, level: string): Log & { flush(): void } {
  const path = join(dataDir, 'coracle.log');
  if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) > largestLogBytes) renameSync(path, `${path}.1`);
  // Opened here, so that it can be flushed from the first line on.
  const sink = destination({ dest: openSync(path, 'a', 0o600), sync: false });
  const logger = pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, sink);
  return {
    debug: (fields, message) => logger.debug(fields, message),
    info: (fields, message) => logger.info(fields, message),
    warn: (fields, message) => logger.warn(fields, message),
    error: (fields, message) => logger.error(fields, message),
    flush: () => sink.flushSync(),
  };
}
