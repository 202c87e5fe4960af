import type { Command } from 'commander';
import { parseGracePeriods, parseMinimumReclaim, parseThresholds } from '../../node-agent/eviction/thresholds.ts';
import { parsePeriod } from '../../node-agent/period.ts';
import { checked } from './command.ts';

/** Adds the options that say when a node that runs short ends pods. Names and meanings are the kubelet's. */
export function withEvictionOptions(command: Command): Command {
  return command
    .option('--eviction-hard <thresholds>', "what must be left, or pods are ended at once; replaces all defaults, '' is none (default: memory.available<100Mi,nodefs.available<10%,nodefs.inodesFree<5%,imagefs.available<15%,imagefs.inodesFree<5%)", checked(parseThresholds))
    .option('--eviction-soft <thresholds>', 'what must be left, or pods are ended after a grace period: memory.available<1Gi', checked(parseThresholds))
    .option('--eviction-soft-grace-period <periods>', 'for how long it may be too little: memory.available=1m30s', checked(parseGracePeriods))
    .option('--eviction-minimum-reclaim <amounts>', 'how much more must be left before pods are no longer ended: nodefs.available=2Gi', checked(parseMinimumReclaim))
    .option('--eviction-pressure-transition-period <period>', 'how long the node says that it is short of something after it was (default: 5m0s)', checked(parsePeriod))
    .option('--eviction-max-pod-grace-period <seconds>', 'what a soft threshold leaves pods at most to end in', checked(seconds), 0);
}

function seconds(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new Error('it is a whole number');
  return Number(text);
}
