import { InvalidArgumentError, Option, type Command } from 'commander';
import { parseCpus } from '../../node-agent/cpus/cpu-set.ts';
import { parseReserved } from '../../node-agent/node/reserved.ts';
import { checked } from './command.ts';

/** Adds the options that say what pods get of a node. Names and meanings are the kubelet's. */
export function withResourceOptions(command: Command): Command {
  return command
    .addOption(new Option('--cpu-manager-policy <policy>', 'static: containers of Guaranteed pods that ask for whole processors have them to themselves; needs --reserved-cpus').choices(['none', 'static']).default('none'))
    .option('--reserved-cpus <cpus>', 'processors that pods are not promised and that no container has to itself: 0-1,8', processors)
    .option('--system-reserved <amounts>', 'what pods are not promised and together don\'t get, as the machine needs it itself: cpu=500m,memory=1Gi,ephemeral-storage=10Gi', checked(parseReserved))
    .option('--memory-throttling-factor <factor>', 'how far from its memory request to its limit a container comes before it is slowed down, such as 0.9; cgroup v2 only (default: it is not)', throttlingFactor)
    .addOption(new Option('--memory-reservation-policy <policy>', 'TieredReservation: the kernel leaves pods the memory that they request; cgroup v2 only').choices(['None', 'TieredReservation']).default('None'))
    .addOption(new Option('--memory-swap-behavior <behavior>', "LimitedSwap: Burstable pods may use of the machine's swap what they request of its memory; cgroup v2 only").choices(['NoSwap', 'LimitedSwap']).default('NoSwap'));
}

export function throttlingFactor(text: string): number {
  const factor = Number(text);
  if (!/^\d?\.?\d+$/.test(text) || factor <= 0 || factor > 1) throw new InvalidArgumentError('It is a number above 0 and up to 1, such as 0.9.');
  return factor;
}

export function processors(text: string): ReadonlySet<number> {
  const cpus = parseCpus(text);
  if (cpus === undefined) throw new InvalidArgumentError('It is a list of processors: 0-1,8.');
  return cpus;
}
