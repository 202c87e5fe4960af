/** Controllers over a test's API server that may be killed between any two of their writes. */
import { createClient, type Client } from '../../client/client.ts';
import type { ApiRequest } from '../../client/transport.ts';
import { createControllers } from '../../controller/all.ts';
import { systemClock } from '../../machinery/clock.ts';
import type { TestServer } from '../test-server.ts';

/** Runs all controllers until `end` aborts; `note` is told what they warn of. */
export function runControllers({ server }: TestServer, as: Client, end: AbortSignal, note: (fields: object, message: string) => void): Promise<unknown> {
  const log = { debug: () => undefined, info: () => undefined, warn: note, error: note };
  return createControllers({ client: as, clock: systemClock, kinds: server.kinds, extensionKinds: server.extensionKinds, rootCaPem: 'CA', signToken: server.signToken, clusterCidr: '10.244.0.0/16', freeze: true, log }).run(end);
}

/** A client whose process is killed by its `lifetime`th write to one of `plurals`: that one arrives, and nobody hears the answer. */
export function mortalClient({ server }: TestServer, plurals: readonly string[], lifetime: number): { readonly client: Client; readonly died: Promise<void> } {
  const transport = server.localTransport({ name: 'controllers', groups: ['system:masters'] });
  const { promise: died, resolve: die } = Promise.withResolvers<void>();
  let left = lifetime;
  const request = async (call: ApiRequest) => {
    const isWrite = plurals.includes(call.resource) && !['get', 'list'].includes(call.verb);
    if (isWrite) left -= 1;
    if (left < 0) throw new Error('killed');
    const answer = await transport.request(call);
    if (left > 0) return answer;
    die();
    throw new Error('killed');
  };
  return { client: createClient({ request, watch: (call) => transport.watch(call) }), died };
}
