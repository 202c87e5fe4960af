import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock, type Clock } from '../machinery/clock.ts';
import { createLogind, type Logind } from '../node-agent/shutdown/logind.ts';
import { run } from './e2e/command.ts';
import { startLogind, type TestLogind } from './hosts/logind.ts';

/** systemd's own programs on a real bus, and behind it somebody who plays the login manager. */
let machine: TestLogind;
let logind: Logind;
const stop = new AbortController();
const { signal } = stop;

beforeEach(async () => {
  machine = await startLogind(5);
  vi.stubEnv('DBUS_SYSTEM_BUS_ADDRESS', machine.env.DBUS_SYSTEM_BUS_ADDRESS);
  logind = createLogind(systemClock, machine.settings);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await machine[Symbol.asyncDispose]();
});

/** What is told of the machine's end, as long as `ended` is pending. */
function follow() {
  const own = new AbortController();
  const heard: boolean[] = [];
  const ended = logind.follow((isGoingDown) => void heard.push(isGoingDown), own.signal).then(() => '', (error: unknown) => String(error));
  return {
    heard, ended,
    async stop() {
      own.abort();
      await ended;
    },
  };
}

describe('the login manager', () => {
  it('waits until the inhibitor is released', async () => {
    const inhibitor = await logind.inhibit(signal);
    expect(await machine.told(/^inhibited: .*$/m)).toBe('inhibited: shutdown delay coracle: pods are ended first');
    expect(machine.output()).not.toContain('released');
    await inhibitor.release();
    await machine.told(/^released$/m);
  });

  it('waits longer when it is told to, until the machine starts again', async () => {
    expect(await logind.allowDelay(4000, signal)).toEqual({ ms: 5000 });
    expect(machine.output()).not.toContain('signal');
    expect(await logind.allowDelay(64_500, signal)).toEqual({ ms: 65_000 });
    expect(await machine.told(/^signal .*$/m)).toBe('signal 1 for main of systemd-logind.service');
    expect(await readFile(machine.settings, 'utf8')).toBe('[Login]\nInhibitDelayMaxSec=65\n');
  });

  it('says how long it waits all the same when it can\'t be told to wait longer', async () => {
    const stubborn = createLogind(systemClock, '/dev/null/logind.conf.d/99-coracle.conf');
    expect(await stubborn.allowDelay(64_500, signal)).toEqual({ ms: 5000, cause: expect.any(Error) });
  });

  it('tells when the machine goes down, and when it doesn\'t after all', async () => {
    const following = follow();
    await expect.poll(() => following.heard).toEqual([false]);
    machine.announce(true);
    await expect.poll(() => following.heard).toEqual([false, true]);
    machine.announce(false);
    await expect.poll(() => following.heard).toEqual([false, true, false]);
    await following.stop();
  });

  it('alone is believed', async () => {
    const following = follow();
    await expect.poll(() => following.heard).toEqual([false]);
    await run('busctl', ['emit', '/org/freedesktop/login1', 'org.freedesktop.login1.Manager', 'PrepareForShutdown', 'b', 'true']);
    machine.announce(false);
    await expect.poll(() => following.heard).toHaveLength(2);
    expect(following.heard).toEqual([false, false]);
    await following.stop();
  });

  it('tells who comes late that the machine goes down', async () => {
    machine.announce(true);
    const following = follow();
    await expect.poll(() => following.heard).toEqual([true]);
    await expect(logind.inhibit(signal)).rejects.toThrow('is already running');
    await following.stop();
  });

  it('that is gone is an end of following it', async () => {
    const following = follow();
    await expect.poll(() => following.heard).toEqual([false]);
    await machine[Symbol.asyncDispose]();
    expect(await following.ended).toContain('systemd-logind can\'t be asked to wait for pods: ');
    await expect(logind.allowDelay(1, signal)).rejects.toThrow('it takes systemd as the machine\'s init, and Debian\'s packages systemd and dbus');
    await expect(logind.inhibit(signal)).rejects.toThrow('systemd-logind can\'t be asked');
  });

  it('can\'t be asked without systemd\'s programs', async () => {
    vi.stubEnv('PATH', '/nowhere');
    await expect(logind.allowDelay(1, signal)).rejects.toThrow('there is no busctl on this machine');
    await expect(logind.inhibit(signal)).rejects.toThrow('there is no systemd-inhibit on this machine');
  });

  it.each([['busctl', (asked: Logind) => asked.follow(() => undefined, signal)], ['systemd-inhibit', (asked: Logind) => asked.inhibit(signal)]])('whose %s is silent is given up', async (program, ask) => {
    const directory = await mkdtemp(join(tmpdir(), 'coracle-silent-'));
    try {
      await writeFile(join(directory, program), '#!/bin/sh\nexec sleep 600\n', { mode: 0o755 });
      vi.stubEnv('PATH', `${directory}:${process.env['PATH']}`);
      const hasty: Clock = { now: systemClock.now, setTimer: (ms, act) => systemClock.setTimer(ms < 20_000 ? ms : 50, act) };
      await expect(ask(createLogind(hasty, machine.settings))).rejects.toThrow('no answer within 30 s');
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});
