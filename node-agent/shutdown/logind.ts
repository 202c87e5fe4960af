import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { pause, type Clock } from '../../machinery/clock.ts';
import { messageOf, systemCode } from '../../machinery/thrown.ts';
import { swapFile } from '../replace-file.ts';
import { notFound, startProgram, type Program } from './program.ts';

/**
 * The machine's login manager, systemd-logind: it announces that the machine goes down, and waits for those that hold a delay
 * inhibitor, but no longer than its `InhibitDelayMaxSec`. It is spoken to by systemd's own programs. Source: "Inhibitor Locks",
 * org.freedesktop.login1(5).
 */
export interface Logind {
  /** How long it waits at most, raised to `ms` if that can be. Rejects with what it takes when it can't be asked. */
  allowDelay(ms: number, signal: AbortSignal): Promise<Delay>;
  /** Resolves when a shutdown would be delayed. */
  inhibit(signal: AbortSignal): Promise<Inhibitor>;
  /** Tells whether the machine goes down: as it is, and then each time that this changes. Rejects when it can't tell any more. */
  follow(tell: (isGoingDown: boolean) => void, signal: AbortSignal): Promise<never>;
}

export interface Delay {
  readonly ms: number;
  /** Why it is not longer. */
  readonly cause?: unknown;
}

export interface Inhibitor {
  /** Resolves when it holds nothing back any more, with why. */
  readonly ended: Promise<string>;
  release(): Promise<void>;
}

const service = 'org.freedesktop.login1';
const object = '/org/freedesktop/login1';
const manager = 'org.freedesktop.login1.Manager';
/** On the bus anyone may send such a signal: only the login manager's own counts. */
const announcements = `type='signal',sender='${service}',path='${object}',interface='${manager}',member='PrepareForShutdown'`;
/** Gone with the machine's next start, when the agent writes it again. */
const settingsPath = '/run/systemd/logind.conf.d/99-coracle.conf';
const askedWithinMs = 10_000;
const raisedWithinMs = 5000;
const lookAgainMs = 200;
const releasedWithinMs = 2000;
/** Longer than the bus lets anybody wait for an answer. */
const begunWithinMs = 30_000;

/** `path`: of the settings by which its longest delay is raised. */
export function createLogind(clock: Clock, path = settingsPath): Logind {
  async function raiseDelay(ms: number, signal: AbortSignal): Promise<number> {
    await mkdir(dirname(path), { recursive: true });
    await swapFile(path, `[Login]\nInhibitDelayMaxSec=${Math.ceil(ms / 1000)}\n`, 0o644);
    await busctl(['call', 'org.freedesktop.systemd1', '/org/freedesktop/systemd1', 'org.freedesktop.systemd1.Manager', 'KillUnit', 'ssi', 'systemd-logind.service', 'main', '1'], signal);
    // It reads its settings when it comes to that, and tells nobody.
    const until = clock.now() + raisedWithinMs;
    let now = await longestDelay(signal);
    while (now < ms && clock.now() < until) {
      await pause(clock, lookAgainMs, signal);
      now = await longestDelay(signal);
    }
    return now;
  }

  return {
    async allowDelay(ms, signal) {
      const before = await longestDelay(signal);
      if (before >= ms) return { ms: before };
      try {
        return { ms: await raiseDelay(ms, signal) };
      } catch (cause) {
        return { ms: before, cause };
      }
    },
    async inhibit(signal) {
      const held = Promise.withResolvers<void>();
      // What it runs ends with its input, and so with the agent, however that ends; the first line says that it runs.
      const program = startProgram(
        ['systemd-inhibit', '--what=shutdown', '--mode=delay', '--who=coracle', '--why=pods are ended first', 'cat'], { line: () => held.resolve() }, signal,
      );
      program.send('held');
      const reason = await begun(clock, held.promise, program);
      if (reason !== undefined) throw new Error(unreachable(reason));
      return {
        ended: program.ended,
        async release() {
          const ended = new AbortController();
          void program.ended.then(() => ended.abort());
          program.endInput();
          await pause(clock, releasedWithinMs, ended.signal).catch(() => undefined);
          program.kill();
        },
      };
    },
    async follow(tell, signal) {
      let isToldSince = false;
      const following = Promise.withResolvers<void>();
      const program = startProgram(
        // It reads nothing: the kernel ends it with the agent.
        ['env', 'SYSTEMD_LOG_LEVEL=info', 'SYSTEMD_LOG_TARGET=console', 'setpriv', '--pdeathsig', 'KILL', 'busctl', '--json=short', 'monitor', `--match=${announcements}`],
        {
          complaint: (text) => {
            if (text.startsWith('Monitoring')) following.resolve();
          },
          line: (text) => {
            const isGoingDown = announced(text);
            if (isGoingDown === undefined) return;
            isToldSince = true;
            tell(isGoingDown);
          },
        }, signal,
      );
      try {
        const failed = program.ended.then((reason) => {
          throw new Error(unreachable(reason));
        });
        failed.catch(() => undefined); // it also ends when it is killed below
        const reason = await begun(clock, following.promise, program);
        if (reason !== undefined) throw new Error(unreachable(reason));
        const isGoingDown = dataOf(await busctl(['get-property', service, object, manager, 'PreparingForShutdown'], signal)) === true;
        // What was announced meanwhile is newer.
        if (!isToldSince) tell(isGoingDown);
        return await failed;
      } finally {
        program.kill();
      }
    },
  };
}

/** Undefined: what it was started for has come about; else why it has not. One that neither does it nor ends is killed. */
async function begun(clock: Clock, done: Promise<void>, program: Program): Promise<string | undefined> {
  const enough = new AbortController();
  const silent = pause(clock, begunWithinMs, enough.signal).then(() => {
    program.kill();
    return `no answer within ${begunWithinMs / 1000} s`;
  }, () => undefined);
  try {
    return await Promise.race([done.then(() => undefined), program.ended, silent]);
  } finally {
    enough.abort();
  }
}

async function longestDelay(signal: AbortSignal): Promise<number> {
  return Number(dataOf(await busctl(['get-property', service, object, manager, 'InhibitDelayMaxUSec'], signal))) / 1000;
}

async function busctl(args: readonly string[], signal: AbortSignal): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)('busctl', ['--json=short', ...args], { signal, timeout: askedWithinMs });
    return stdout;
  } catch (error) {
    const complaint: unknown = Reflect.get(Object(error), 'stderr');
    const reason = systemCode(error) === 'ENOENT' ? notFound('busctl') : typeof complaint === 'string' && complaint !== '' ? complaint.trim() : messageOf(error);
    throw new Error(unreachable(reason), { cause: error });
  }
}

function unreachable(reason: string): string {
  return `systemd-logind can't be asked to wait for pods: ${reason} (it takes systemd as the machine's init, and Debian's packages systemd and dbus)`;
}

/** The value of a property as `busctl --json` prints it. */
function dataOf(text: string): unknown {
  const value: unknown = JSON.parse(text);
  return Reflect.get(Object(value), 'data');
}

/** Whether a message says that the machine goes down (or, after all, doesn't); undefined: it is about something else. */
export function announced(text: string): boolean | undefined {
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (Reflect.get(Object(message), 'member') !== 'PrepareForShutdown') return undefined;
  const data: unknown = Reflect.get(Object(Reflect.get(Object(message), 'payload')), 'data');
  const [isGoingDown]: readonly unknown[] = Array.isArray(data) ? data : [];
  return typeof isGoingDown === 'boolean' ? isGoingDown : undefined;
}
