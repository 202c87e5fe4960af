import { expect, it } from 'vitest';
import { manualClock } from '../machinery/clock.ts';
import type { Pod } from '../machinery/kinds/core.ts';
import type { RuntimeClass } from '../machinery/kinds/runtime-class.ts';
import { failure } from '../machinery/status.ts';
import { createClient } from '../client/client.ts';
import { silentLog } from '../client/log.ts';
import { createRuntimeClassSource } from './runtime-classes.ts';

/** What the API answers for a class of that name. */
function classes(answer: (name: string) => RuntimeClass) {
  const client = createClient({ request: async ({ name = '' }) => answer(name), async *watch() {} });
  return createRuntimeClassSource(client, manualClock(), silentLog);
}
const of = (runtimeClassName?: string): Pod => ({ spec: { containers: [], ...(runtimeClassName === undefined ? {} : { runtimeClassName }) } });

it('a pod without a class has no handler, and the API is not asked', async () => {
  const source = classes(() => {
    throw new Error('it was asked');
  });
  expect([await source.handlerOf(of()), await source.handlerOf(of(''))]).toEqual(['', '']);
});

it('a pod has the handler of its class, which is asked for where the node has not heard of it yet', async () => {
  expect(await classes((name) => ({ metadata: { name }, handler: `of-${name}` })).handlerOf(of('a'))).toBe('of-a');
});

it.each([
  ['is not there', () => failure('NotFound', 'runtimeclasses.node.k8s.io "a" not found'), 'runtimeclasses.node.k8s.io "a" not found'],
  ['can\'t be asked for', () => new Error('no route'), 'failed to lookup RuntimeClass a: no route'],
])('a pod whose class %s has none, and the reason is told', async (_title, refusal, message) => {
  await expect(classes(() => {
    throw refusal();
  }).handlerOf(of('a'))).rejects.toThrow(message);
});
