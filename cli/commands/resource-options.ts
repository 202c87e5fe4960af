import { InvalidArgumentError, Option, type Command } from 'commander';
import { parseCpus } from '../../node-agent/cpus/cpu-set.ts';

/** Adds the options that say what pods get of a node. Names and meanings are the kubelet's. */
export function withResourceOptions(command: Command): Command {
  return command
    .addOption(new Option('--cpu-manager-policy <policy>', 'static: containers of Guaranteed pods that ask for whole processors have them to themselves; needs --reserved-cpus').choices(['none', 'static']).default('none'))
    .option('--reserved-cpus <cpus>', 'processors that pods are not promised and that no container has to itself: 0-1,8', processors);
}

export function processors(text: string): ReadonlySet<number> {
  const cpus = parseCpus(text);
  if (cpus === undefined) throw new InvalidArgumentError('It is a list of processors: 0-1,8.');
  return cpus;
}
