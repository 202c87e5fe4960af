import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { systemCode } from '../../machinery/thrown.ts';

/** A program that runs beside the agent, and is told and tells by lines. */
export interface Program {
  send(line: string): void;
  /** Closes its standard input. */
  endInput(): void;
  kill(): void;
  /** Resolves when it is no more, with how that came about, in its own words where it had any. */
  readonly ended: Promise<string>;
}

export interface Listener {
  readonly line?: (text: string) => void;
  /** Of its standard error. */
  readonly complaint?: (text: string) => void;
}

/** Runs until it ends by itself, is killed, or `signal` aborts. It gets the agent's environment, in which the bus's address may be. */
export function startProgram(command: readonly [string, ...string[]], { line, complaint }: Listener, signal: AbortSignal): Program {
  const [name, ...args] = command;
  const child = spawn(name, args, { stdio: ['pipe', 'pipe', 'pipe'], signal, killSignal: 'SIGKILL' });
  let last = '';
  // Who ended without reading what it was told has said so by its end.
  child.stdin.on('error', () => undefined);
  createInterface({ input: child.stdout }).on('line', (text) => line?.(text));
  createInterface({ input: child.stderr }).on('line', (text) => {
    last = text;
    complaint?.(text);
  });
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(systemCode(error) === 'ENOENT' ? notFound(name) : error.message));
    child.once('close', (code, by) => resolve(last === '' ? `${name} ended (${by ?? `exit code ${code ?? ''}`})` : last));
  });
  return {
    send: (text) => void child.stdin.write(`${text}\n`),
    endInput: () => void child.stdin.end(),
    kill: () => void child.kill('SIGKILL'),
    ended,
  };
}

export function notFound(name: string): string {
  return `there is no ${name} on this machine`;
}
