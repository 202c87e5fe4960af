import { isDeepStrictEqual } from 'node:util';
import { isIP } from 'node:net';
import type { Clock } from '../machinery/clock.ts';
import { Endpoints } from '../machinery/kinds/core.ts';
import { EndpointSlice } from '../machinery/kinds/discovery.ts';
import { settle, type Seed } from './bootstrap.ts';
import type { Writer } from './handlers/writer.ts';
import { endpoints } from './resources/core/endpoints.ts';
import { endpointSlice } from './resources/discovery/endpoint-slice.ts';
import { prefixEnd } from './store/sorted-map.ts';

/** Which API servers the Service `default/kubernetes` leads to: those that are alive. */

export interface Server {
  /** By which pods reach it: `10.0.0.1`. */
  readonly address: string;
  readonly port: number;
}

export interface ServersOptions {
  readonly writer: Writer;
  readonly self: Server;
  /** Have other servers the same store? They tell each other that they live, by keys that expire. */
  readonly isShared: boolean;
  readonly clock: Clock;
  readonly report: (error: unknown) => void;
}

const prefix = '/coracle/servers/';
const beatMs = 10_000;
const leaseSeconds = 30;
const writeMs = 30_000;

/** Publishes this server; resolves once that is done. `close()` takes it back when others stay. */
export async function keepServers({ writer, self, isShared, clock, report }: ServersOptions): Promise<{ close(): Promise<void> }> {
  const key = `${prefix}${self.address}`;
  let published: readonly string[] = [];
  let cancelBeat: (() => void) | undefined;
  let working: Promise<void> = Promise.resolve();

  async function publish(addresses: readonly string[]): Promise<void> {
    if (isDeepStrictEqual(addresses, published)) return;
    await settle(writer, seedsOf(addresses, self.port), AbortSignal.timeout(writeMs));
    published = addresses;
  }

  async function alive(): Promise<string[]> {
    const { items } = await writer.store.range({ from: prefix, to: prefixEnd(prefix) });
    return items.map((item) => item.key.slice(prefix.length)).toSorted();
  }

  async function beat(): Promise<void> {
    const lease = await writer.store.grantLease(leaseSeconds);
    await writer.store.commit({ compares: [], writes: [{ type: 'put', key, value: Buffer.from(JSON.stringify(self)), lease }] });
    await publish(await alive());
  }

  function schedule(): void {
    cancelBeat = clock.setTimer(beatMs, () => {
      working = beat().catch(report).finally(schedule);
    });
  }

  if (!isShared) {
    await publish([self.address]);
    return { close: () => Promise.resolve() };
  }
  await beat();
  schedule();
  return {
    async close() {
      cancelBeat?.();
      await working;
      cancelBeat?.();
      try {
        await writer.store.commit({ compares: [], writes: [{ type: 'delete', key }] });
        const others = await alive();
        if (others.length > 0) await publish(others);
      } catch (error) {
        // The key runs out by itself.
        report(error);
      }
    },
  };
}

function seedsOf(addresses: readonly string[], port: number): readonly Seed[] {
  const ports = [{ name: 'https', port, protocol: 'TCP' }];
  const subsets = [{ addresses: addresses.map((ip) => ({ ip })), ports }];
  const slice = addresses.map((address) => ({ addresses: [address], conditions: { ready: true } }));
  const wholeEndpoints: Endpoints = {
    apiVersion: 'v1', kind: 'Endpoints', metadata: { name: 'kubernetes', namespace: 'default', labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' } }, subsets,
  };
  const wholeSlice: EndpointSlice = {
    apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata: { name: 'kubernetes', namespace: 'default', labels: { 'kubernetes.io/service-name': 'kubernetes' } },
    addressType: addresses.every((address) => isIP(address) === 6) ? 'IPv6' : 'IPv4', ports, endpoints: slice,
  };
  return [
    { resource: endpoints, object: wholeEndpoints, repair: (present: Endpoints) => (isDeepStrictEqual(present.subsets, subsets) ? undefined : { ...present, subsets }) },
    {
      resource: endpointSlice, object: wholeSlice,
      repair(present) {
        // What is kept of a kind is of that kind.
        const { endpoints: kept, ports: keptPorts } = present as EndpointSlice;
        return isDeepStrictEqual([kept, keptPorts], [slice, ports]) ? undefined : Object.assign({}, present, { endpoints: slice, ports });
      },
    },
  ];
}
