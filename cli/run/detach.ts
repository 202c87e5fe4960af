import { spawn } from 'node:child_process';
import { openSync, closeSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { makeDataDir } from '../data-dir.ts';
import { CommandFailure } from '../failure.ts';
import type { Invocation } from '../terminal.ts';

/**
 * Starts the same command again in a session of its own and without a terminal; returns once it says that it is ready. What
 * it says until then is passed on; afterwards only its log tells.
 */
export async function detach(invocation: Invocation, dataDir: string): Promise<void> {
  const { terminal, commandLine } = invocation;
  const directory = resolve(dataDir);
  await makeDataDir(directory);
  const output = openSync(join(directory, 'coracle.out'), 'a', 0o600);
  // It runs in /, where a relative path would mean another place; the last `--data-dir` wins.
  const [program = process.execPath, ...args] = [...commandLine.filter((word) => word !== '--detach'), '--data-dir', directory];
  const child = spawn(program, args, { detached: true, cwd: '/', stdio: ['ignore', output, output, 'ipc'] });
  closeSync(output);
  const failure = await new Promise<CommandFailure | undefined>((settle) => {
    child.on('message', (message) => {
      const [type, text] = [Reflect.get(Object(message), 'type') as unknown, Reflect.get(Object(message), 'text') as unknown];
      if (type === 'line') terminal.line(String(text));
      if (type === 'failure') settle(new CommandFailure(String(text)));
      if (type === 'ready') settle(undefined);
    });
    child.once('error', (error) => settle(new CommandFailure('cannot start the background process', { cause: error })));
    child.once('exit', (code, signal) => settle(new CommandFailure(`the background process ended at once (${signal ?? `exit ${code}`}): look at ${join(directory, 'coracle.out')}`)));
  });
  if (failure !== undefined) throw failure;
  child.disconnect();
  child.unref();
}
