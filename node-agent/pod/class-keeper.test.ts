import { setImmediate as turn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { silentLog } from '../../client/log.ts';
import { manualClock } from '../../machinery/clock.ts';
import type { Pod } from '../../machinery/kinds/core.ts';
import { classRequests, createClassKeeper } from './class-keeper.ts';
import { noMemoryQos } from './memory-qos.ts';

const pod = (cpu?: string, limits?: Readonly<Record<string, string>>): Pod => ({
  metadata: { name: 'p' }, spec: { containers: [{ name: 'c', resources: { ...(cpu === undefined ? {} : { requests: { cpu } }), ...(limits === undefined ? {} : { limits }) } }] },
});

const guaranteed: Pod = { spec: { containers: [{ name: 'c', resources: { requests: { cpu: '1', memory: '1Gi' }, limits: { cpu: '1', memory: '1Gi' } } }] } };

it('burstable pods count, those of other classes don\'t', () => {
  const asked = classRequests([pod('100m'), pod('250m', { cpu: '1' }), pod(), guaranteed], noMemoryQos);
  expect(asked).toEqual({ burstableCpuMillis: 350, guaranteedMemoryBytes: 0, burstableMemoryBytes: 0 });
});

it('memory counts where it is to be left with pods', () => {
  const burstable: Pod = { spec: { containers: [{ name: 'c', resources: { requests: { memory: '1Mi' } } }] } };
  expect(classRequests([burstable, guaranteed, burstable, pod()], { reserves: true })).toEqual({ burstableCpuMillis: 0, guaranteedMemoryBytes: 1024 ** 3, burstableMemoryBytes: 2 * 1024 ** 2 });
});

it('what the classes weigh is written once for a burst, again when it changes, and again after a failure', async () => {
  const clock = manualClock();
  const stop = new AbortController();
  const written: number[] = [];
  let held = [pod('100m')];
  let refusals = 0;
  const keeper = createClassKeeper({
    clock, log: silentLog, held: () => held, memoryQos: noMemoryQos,
    runtime: {
      async weighClasses({ burstableCpuMillis }) {
        written.push(burstableCpuMillis);
        if (refusals > 0) {
          refusals -= 1;
          throw new Error('no');
        }
      },
    },
  });
  const running = keeper.run(stop.signal);
  const pass = async (ms: number): Promise<void> => {
    await turn();
    clock.advance(ms);
    await turn();
  };
  keeper.changed();
  keeper.changed();
  await pass(100);
  keeper.changed();
  await pass(100);
  expect(written).toEqual([100]);
  held = [pod('100m'), pod('200m')];
  refusals = 1;
  keeper.changed();
  await pass(100);
  await pass(10_000);
  expect(written).toEqual([100, 300, 300]);
  stop.abort();
  await running;
});
