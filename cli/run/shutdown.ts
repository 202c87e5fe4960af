import { systemClock } from '../../machinery/clock.ts';
import { messageOf } from '../../machinery/thrown.ts';
import { createLogind } from '../../node-agent/shutdown/logind.ts';
import type { Terminal } from '../terminal.ts';
import type { NodeSettings } from './node-settings.ts';

const askedWithinMs = 5000;

/** Says at once when this machine won't wait for pods as it was told to; the agent goes on trying. */
export async function complainOfShutdown(terminal: Terminal, { shutdown }: NodeSettings): Promise<void> {
  if (shutdown.periods.length === 0) return;
  try {
    await createLogind(systemClock).allowDelay(0, AbortSignal.timeout(askedWithinMs));
  } catch (error) {
    terminal.complain(`coracle: --shutdown-grace-period has no effect for now: ${messageOf(error)}`);
  }
}
