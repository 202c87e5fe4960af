import type { Command } from 'commander';
import { parseShutdownPeriod, parseShutdownPeriods } from '../../node-agent/shutdown/periods.ts';
import { checked } from './command.ts';

/** Adds the options that say how long the machine waits for its pods when it goes down. Names and meanings are those of the kubelet's configuration. */
export function withShutdownOptions(command: Command): Command {
  return command
    .option('--shutdown-grace-period <period>', 'how long this machine, when it goes down, waits for its pods to end: 60s (default: not at all); see docs/node-shutdown.md', checked(parseShutdownPeriod))
    .option('--shutdown-grace-period-critical-pods <period>', 'how much of that is kept for critical pods, which end last', checked(parseShutdownPeriod))
    .option('--shutdown-grace-period-by-pod-priority <periods>', 'in place of both, a time for pods from each priority on, lowest first: 0=30s,1000=20s,2000000000=10s', checked(parseShutdownPeriods));
}
