import { isAbsolute } from 'node:path';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { defaultGarbagePolicy } from '../../node-agent/images/garbage.ts';
import { dns1123Label } from '../../machinery/names.ts';
import { parseMirror, parseRegistry } from '../../node-agent/images/registry-settings.ts';
import { parsePeriod } from '../../node-agent/period.ts';
import { checked, collected } from './command.ts';
import { ownHandler } from '../../node-agent/runtime/oci/handlers.ts';
import { withEvictionOptions } from './eviction-options.ts';
import { withResourceOptions } from './resource-options.ts';
import { withShutdownOptions } from './shutdown-options.ts';

/** Adds the options of a machine that is a node; the kubelet's names where it has them. */
export function withNodeOptions(command: Command): Command {
  const own = command
    .option('--max-pods <count>', 'how many pods this machine takes; its range of addresses has 253', podCount, 110)
    .option('--runtime-handler <name=path>', "an OCI runtime of this machine, by the name that RuntimeClasses have for it: runc=/usr/sbin/runc; may be given several times", runtimeHandler)
    .option('--pod-manifest-path <dir>', 'run the pods of the manifests in this directory (*.yaml, *.yml, *.json) as static pods, and follow it', manifestDirectory)
    .option('--image-gc-high-threshold <percent>', 'use of the disk from which on images that nothing uses are removed; 100: never', percent, defaultGarbagePolicy.highThresholdPercent)
    .option('--image-gc-low-threshold <percent>', 'use of the disk that removing them aims for', percent, defaultGarbagePolicy.lowThresholdPercent)
    .addOption(new Option('--minimum-image-ttl-duration <period>', 'how long an image stays at least').argParser(checked(parsePeriod)).default(defaultGarbagePolicy.minimumAgeMs, '2m0s'))
    .option('--registry-mirror <registry=url>', 'where the images of a registry are asked for first: docker.io=https://mirror.example; may be given several times', collected(parseMirror))
    .option('--insecure-registry <registry>', 'speak plain HTTP to that registry (one on loopback is always spoken to so); may be given several times', collected(parseRegistry));
  return withResourceOptions(withShutdownOptions(withEvictionOptions(own)));
}

/** In the background there is no working directory that a relative path could be in. */
function manifestDirectory(text: string): string {
  if (!isAbsolute(text)) throw new InvalidArgumentError('It is an absolute path: /etc/kubernetes/manifests.');
  return text;
}

/** Of one machine: every pod has an address of its /24, of which the bridge has one. */
export function podCount(text: string): number {
  const number = Number(text);
  if (!/^\d+$/.test(text) || number < 1 || number > mostPods) throw new InvalidArgumentError(`A machine takes 1 to ${mostPods} pods.`);
  return number;
}

const mostPods = 253;

/** One more handler. */
export function runtimeHandler(text: string, others: ReadonlyMap<string, string> = new Map()): ReadonlyMap<string, string> {
  const [, name = '', path = ''] = /^([^=]*)=(\/.+)$/.exec(text) ?? [];
  const [fault] = dns1123Label(name);
  if (path === '') throw new InvalidArgumentError('It is a name and the absolute path of a program: runc=/usr/sbin/runc.');
  if (fault !== undefined) throw new InvalidArgumentError(`${JSON.stringify(name)} is no handler's name: ${fault}.`);
  if (name === ownHandler) throw new InvalidArgumentError(`${ownHandler} is this node's own runtime.`);
  if (others.has(name)) throw new InvalidArgumentError(`${name} is given twice.`);
  return new Map([...others, [name, path]]);
}

export function percent(text: string): number {
  const number = Number(text);
  if (!/^\d{1,3}$/.test(text) || number > 100) throw new InvalidArgumentError('It is a whole number from 0 to 100.');
  return number;
}
