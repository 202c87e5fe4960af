import { InvalidArgumentError, type Command } from 'commander';
import type { Invocation } from '../terminal.ts';

/** One command of `coracle`: adds itself to the program. What it runs is imported when it runs, so that `--help` is quick. */
export type DefineCommand = (program: Command, invocation: Invocation) => void;

/** A port as the user wrote it; 0 asks for any free one. Throws commander's error for anything else. */
export function port(text: string): number {
  const number = Number(text);
  if (!/^\d+$/.test(text) || number > 65535) throw new InvalidArgumentError('A port is a whole number from 0 (any free one) to 65535.');
  return number;
}
