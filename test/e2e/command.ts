import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { patience } from '../patience.ts';

/** Programs that tests run. Every wait has a deadline, and its failure says what the program had printed until then. */
export interface Outcome {
  /** 128 + signal when a signal ended it. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface StartOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Written to its standard input, which then ends. Absent: nothing to read, unless `interactive`. */
  readonly input?: string | Buffer;
  /** Standard input stays open for `write`. */
  readonly interactive?: boolean;
}

export interface Started extends AsyncDisposable {
  readonly pid: number;
  readonly ended: Promise<Outcome>;
  /** All that it has printed so far on standard output and standard error, in order of arrival. */
  output(): string;
  write(text: string): void;
  endInput(): void;
  kill(signal: NodeJS.Signals): void;
  /** Resolves with the first match in what it prints after the last match; rejects when it ends or the deadline passes before. */
  until(pattern: RegExp, deadlineMs?: number): Promise<RegExpExecArray>;
}

/** Deadlines here and in `eventually` are for an ordinary machine; `patience` stretches them. */
export const patienceMs = 30_000;

/** Starts a program; leaving the scope of `await using` ends it. */
export function start(program: string, args: readonly string[], { env = {}, input, interactive = false }: StartOptions = {}): Started {
  const child = spawn(program, args, { env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'pipe'] });
  const printed = { stdout: '', stderr: '', all: '' };
  let read = 0;
  const heard = new EventTarget();
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (chunk: string) => {
      printed[name] += chunk;
      printed.all += chunk;
      heard.dispatchEvent(new Event('change'));
    });
  }
  // A program that ends without reading its input is no failure of the test.
  child.stdin.on('error', () => child.stdin.destroy());
  if (input !== undefined) child.stdin.end(input);
  else if (!interactive) child.stdin.end();
  const ended = new Promise<Outcome>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code: code ?? 128 + (signal === 'SIGKILL' ? 9 : 15), stdout: printed.stdout, stderr: printed.stderr }));
  });
  ended.then(() => heard.dispatchEvent(new Event('change')), () => heard.dispatchEvent(new Event('change')));
  const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null;
  const name = `'${[program, ...args].join(' ')}'`;
  return {
    pid: child.pid ?? -1,
    ended,
    output: () => printed.all,
    write: (text) => void child.stdin.write(text),
    endInput: () => void child.stdin.end(),
    kill: (signal) => void child.kill(signal),
    async until(pattern, deadlineMs = patienceMs) {
      const deadline = AbortSignal.timeout(deadlineMs * patience);
      for (;;) {
        const match = pattern.exec(printed.all.slice(read));
        if (match !== null) {
          read += match.index + match[0].length;
          return match;
        }
        if (hasEnded()) throw new Error(`${name} ended without printing ${pattern}:\n${printed.all}`);
        if (deadline.aborted) throw new Error(`${name} did not print ${pattern} within ${deadlineMs * patience} ms:\n${printed.all}`);
        await changeOrDeadline(heard, deadline);
      }
    },
    async [Symbol.asyncDispose]() {
      if (!hasEnded()) child.kill('SIGKILL');
      await ended;
    },
  };
}

async function changeOrDeadline(heard: EventTarget, deadline: AbortSignal): Promise<void> {
  await once(heard, 'change', { signal: deadline }).catch(() => undefined);
}

/** Runs a program to its end, whatever its exit code. Rejects when it takes longer than `deadlineMs`; it is killed then. */
export async function outcome(program: string, args: readonly string[], options: StartOptions & { readonly deadlineMs?: number } = {}): Promise<Outcome> {
  const { deadlineMs = patienceMs } = options;
  await using running = start(program, args, options);
  const late = AbortSignal.timeout(deadlineMs * patience);
  const passed = new Promise<never>((_resolve, reject) => {
    late.addEventListener('abort', () => reject(new Error(`'${[program, ...args].join(' ')}' did not end within ${deadlineMs * patience} ms:\n${running.output()}`)), { once: true });
  });
  // Awaited here: leaving the scope ends the program.
  return await Promise.race([running.ended, passed]);
}

/** Runs a program to its end; resolves with its standard output. Rejects with all that it printed when it fails. */
export async function run(program: string, args: readonly string[], options: StartOptions & { readonly deadlineMs?: number } = {}): Promise<string> {
  const { code, stdout, stderr } = await outcome(program, args, options);
  if (code !== 0) throw new Error(`'${[program, ...args].join(' ')}' ended with exit code ${code}:\n${stdout}${stderr}`);
  return stdout;
}

/**
 * The same command line inside a real terminal (bsdutils' `script`) of 30 rows and 100 columns, for programs that look for
 * one. What it prints begins with the terminal's device.
 */
export function inTerminal(program: string, args: readonly string[]): readonly [string, readonly string[]] {
  const command = [program, ...args].map(quoted).join(' ');
  return ['script', ['-qec', `tty; stty rows 30 cols 100; exec ${command}`, '/dev/null']];
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
