import { InvalidArgumentError, type Command } from 'commander';

/** Adds the options of a machine that is a node; the kubelet's names where it has them. */
export function withNodeOptions(command: Command): Command {
  return command
    .option('--image-gc-high-threshold <percent>', 'use of the disk from which on images that nothing uses are removed; 100: never', percent, 85)
    .option('--image-gc-low-threshold <percent>', 'use of the disk that removing them aims for', percent, 80)
    .option('--minimum-image-ttl-duration <time>', 'how long an image stays at least: 90s, 2m or 1h', duration, 120_000);
}

export function percent(text: string): number {
  const number = Number(text);
  if (!/^\d{1,3}$/.test(text) || number > 100) throw new InvalidArgumentError('It is a whole number from 0 to 100.');
  return number;
}

const unitMs: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000 };

/** Milliseconds. */
export function duration(text: string): number {
  const [, number = '', unit = ''] = /^(\d{1,6})([smh])$/.exec(text) ?? [];
  if (unit === '') throw new InvalidArgumentError('It is a number of seconds, minutes or hours: 90s, 2m, 1h.');
  return Number(number) * (unitMs[unit] ?? 0);
}
