/**
 * The `coracle` command. This file alone reads the process's arguments, environment and signals; the commands get them as an
 * `Invocation`.
 */
import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { systemCode } from '../machinery/thrown.ts';
import { Command, CommanderError } from 'commander';
import { commands } from './commands/all.ts';
import { causeOf, CommandFailure, machineFailure } from './failure.ts';
import type { Invocation } from './terminal.ts';

const root = dirname(import.meta.dirname);

/** Where `version` is kept: the package's own manifest. */
function packageVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  return String(Reflect.get(Object(manifest), 'version'));
}

/** With a parent that listens (`--detach`), it hears what is said. */
function tell(type: 'line' | 'failure' | 'ready', text = ''): void {
  if (process.channel !== undefined && process.channel !== null && process.connected) process.send?.({ type, text });
}

/** Whoever reads what is printed may leave early (`coracle up | head`): the work goes on without. */
function outliveReaders(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error) => {
      if (systemCode(error) !== 'EPIPE') throw error;
    });
  }
}

function invocation(): Invocation {
  outliveReaders();
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort());
  return {
    root,
    version: packageVersion(),
    defaultDataDir: process.env['CORACLE_DATA_DIR'] || '/var/lib/coracle',
    environment: process.env,
    commandLine: [process.execPath, ...process.execArgv, ...process.argv.slice(1).map((word, index) => (index === 0 ? resolve(word) : word))],
    stop: stop.signal,
    ready: () => tell('ready'),
    terminal: {
      line(text) {
        process.stdout.write(`${text}\n`);
        tell('line', text);
      },
      complain: (text) => void process.stderr.write(`${text}\n`),
    },
  };
}

/** After a wrong option, to the help of the command that it was given to. */
function pointToHelp(command: Command, path: string): void {
  command.showHelpAfterError(`(try '${path} --help')`);
  for (const each of command.commands) pointToHelp(each, `${path} ${each.name()}`);
}

/** The process's exit code. */
async function run(): Promise<number> {
  const called = invocation();
  const program = new Command('coracle')
    .description('A small, fast Kubernetes-compatible orchestrator with its own container runtime.')
    .exitOverride()
    .enablePositionalOptions();
  for (const define of commands) define(program, called);
  pointToHelp(program, 'coracle');
  try {
    await program.parseAsync(process.argv);
    return process.exitCode === undefined ? 0 : Number(process.exitCode);
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode;
    const foreseen = error instanceof CommandFailure ? error : machineFailure(error);
    const text = foreseen === undefined ? `coracle: this is a defect, please report it: ${error instanceof Error ? error.stack ?? error.message : String(error)}` : `coracle: ${causeOf(foreseen)}`;
    called.terminal.complain(text);
    tell('failure', foreseen === undefined ? String(error) : causeOf(foreseen));
    return 1;
  }
}

process.exitCode = await run();
// A detached process's starter has hung up long ago.
if (process.connected) process.disconnect?.();
