import { takeControl } from '../control.ts';
import { openDataDir, type Identity, type Role } from '../data-dir.ts';
import { openLog } from '../log.ts';
import type { Invocation } from '../terminal.ts';
import { keepMemorySmall } from './memory.ts';
import { untilToldToStop, type Stop } from './stop.ts';

/** What a long-running command works in: a data directory that it alone holds, a log, and the order to stop. */
export interface Session {
  readonly dataDir: string;
  readonly identity: Identity;
  readonly log: ReturnType<typeof openLog>;
  readonly stop: Stop;
}

export interface SessionOptions {
  readonly dataDir: string;
  readonly logLevel: string;
  readonly stopPods?: boolean;
}

/**
 * Runs `body` as the one Coracle of a data directory, whose identity is `fresh` when it is new. When `body` has ended, and if
 * told so, pods end too.
 */
export async function runSession(
  invocation: Invocation, role: Role, options: SessionOptions, fresh: Parameters<typeof openDataDir>[2], body: (session: Session) => Promise<void>,
): Promise<void> {
  const { path: dataDir, identity } = await openDataDir(options.dataDir, role, fresh);
  const stop = untilToldToStop(invocation.stop, options.stopPods ?? false);
  const control = await takeControl(dataDir, stop);
  const memory = keepMemorySmall();
  try {
    const log = openLog(dataDir, options.logLevel);
    try {
      await body({ dataDir, identity, log, stop });
      if (stop.stopPods()) {
        const { destroyInstance } = await import('../../node-agent/runtime/teardown.ts');
        await destroyInstance({ instance: identity.instance, dataDir });
      }
    } finally {
      log.flush();
    }
  } finally {
    memory.close();
    await control.close();
  }
}
