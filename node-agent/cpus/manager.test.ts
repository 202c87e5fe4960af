import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { silentLog } from '../../client/log.ts';
import { manualClock } from '../../machinery/clock.ts';
import type { Assignment } from './assign.ts';
import { createCpuManager, readProcessors, takeOverRefusal } from './manager.ts';

const processors = { topology: [0, 1, 2, 3].map((id) => ({ id, core: id, socket: 0 })), reserved: new Set([0]) };

function managed() {
  const told: string[] = [];
  const state: { assignments: Assignment[]; fails: number; hangs: boolean } = { assignments: [], fails: 0, hangs: false };
  const clock = manualClock();
  const manager = createCpuManager({
    processors, clock, log: silentLog, assignments: () => state.assignments,
    async confine(cpus) {
      told.push(cpus);
      if (state.hangs) await new Promise(() => undefined);
      if (state.fails > 0) {
        state.fails -= 1;
        throw new Error('no');
      }
    },
  });
  return { manager, state, told, clock };
}

describe('the processors of a container', () => {
  it('are those that nobody has to himself', async () => {
    const { manager, state } = managed();
    expect(await manager.cpusFor(undefined)).toBe('0-3');
    state.assignments = [{ a: '1' }, { b: '3' }];
    expect(await manager.cpusFor(undefined)).toBe('0,2');
  });

  it('are its own once others have left them, or could not be told', async () => {
    const { manager, state, told, clock } = managed();
    state.assignments = [{ a: '1-2' }];
    expect(await manager.cpusFor('1-2')).toBe('1-2');
    expect(told).toEqual(['0,3']);
    state.fails = 1;
    expect(await manager.cpusFor('1-2')).toBe('1-2');
    state.hangs = true;
    const waiting = manager.cpusFor('1-2');
    await turn();
    clock.advance(5000);
    expect(await waiting).toBe('1-2');
  });

  it('follow what comes and goes, and are told again where that failed', async () => {
    const { manager, state, told, clock } = managed();
    const stop = new AbortController();
    const running = manager.run(stop.signal);
    state.assignments = [{ a: '1' }];
    state.fails = 1;
    manager.changed();
    await turn();
    clock.advance(10_000);
    await turn();
    state.assignments = [];
    manager.changed();
    await turn();
    expect(told).toEqual(['0,2-3', '0,2-3', '0-3']);
    stop.abort();
    await running;
  });
});

describe('pods of an earlier agent', () => {
  it.each([
    ['are taken over where nobody assigns processors', 'none', [{}, {}], undefined],
    ['are taken over with the processors that they have', 'static', [{ cpus: { a: '1' } }, { cpus: {} }], undefined],
    ['are not without the policy that they were started with', 'none', [{ cpus: {} }], '--cpu-manager-policy static'],
    ['are not with another policy', 'static', [{ cpus: {} }, {}], '--cpu-manager-policy none'],
    ['are not when what they have is reserved now', 'static', [{ cpus: { a: '0-1' } }], 'processors 0 to themselves'],
    ['are not when what they have is gone', 'static', [{ cpus: { a: '3-4' } }], 'processors 4 to themselves'],
  ] as const)('%s', (_name, policy, running, refusal) => {
    const said = takeOverRefusal(policy, policy === 'static' ? processors : undefined, running);
    if (refusal === undefined) expect(said).toBeUndefined();
    else expect(said).toContain(refusal);
  });
});

it('processors that this machine does not have can\'t be reserved', async () => {
  await expect(readProcessors({ policy: 'none', reserved: new Set([99_998, 99_999]) })).rejects.toThrow('99998-99999');
  expect(await readProcessors({ policy: 'none', reserved: new Set() })).toBeUndefined();
});
