import { Service } from '../../machinery/kinds/core.ts';
import { Path, invalid, invalidObject, type FieldError } from '../../machinery/field-path.ts';
import type { KubernetesObject } from '../../machinery/kinds/kind.ts';
import type { Draft } from '../../machinery/kinds/wire.ts';
import { failure } from '../../machinery/status.ts';
import { hasNodePorts } from '../resources/core/service/given.ts';
import type { Store, Write } from '../store/store.ts';
import type { Companions, CompanionSource } from './writer.ts';

/**
 * A Service's cluster address and node ports. Each is a key of its own that is written in the Service's transaction and must
 * not be there before: two Services never get the same one. Source: "Service ClusterIP allocation", "Service: type NodePort".
 */
export interface ServiceAddressOptions {
  readonly store: Store;
  /** In [0, 1). */
  readonly random: () => number;
}

const serviceRange = '10.43.0.0/16';
const rangePrefix = '10.43.';
const lowAddresses = 256;
const firstNodePort = 30_000;
const nodePortCount = 2768;
/** Draws until the range counts as full. */
const maxDraws = 256;
const addressKey = (address: string) => `/registry/ranges/serviceips/${address}`;
const portKey = (port: number) => `/registry/ranges/servicenodeports/${port}`;

type Spec = NonNullable<Draft<Service>['spec']>;

/** Draws what nobody holds. */
interface Pool {
  isTaken(key: string): Promise<boolean>;
  drawAddress(): Promise<string>;
  drawPort(without: ReadonlySet<number>): Promise<number>;
}

function createPool({ store, random }: ServiceAddressOptions): Pool {
  async function isTaken(key: string): Promise<boolean> {
    const { count } = await store.range({ from: key, to: `${key}\0`, countOnly: true });
    return count > 0;
  }
  return {
    isTaken,
    async drawAddress() {
      for (let draw = 0; draw < maxDraws; draw++) {
        // Not the low addresses, which have a meaning (API, DNS), and not the broadcast address.
        const number = lowAddresses + Math.floor(random() * (65_535 - lowAddresses));
        const address = `${rangePrefix}${number >> 8}.${number & 255}`;
        if (!(await isTaken(addressKey(address)))) return address;
      }
      throw failure('InternalError', 'failed to allocate a serviceIP: range is full');
    },
    async drawPort(without) {
      for (let draw = 0; draw < maxDraws * 16; draw++) {
        const port = firstNodePort + Math.floor(random() * nodePortCount);
        if (!without.has(port) && !(await isTaken(portKey(port)))) return port;
      }
      throw failure('InternalError', 'failed to allocate a nodePort: range is full');
    },
  };
}

export function serviceAddresses(options: ServiceAddressOptions): CompanionSource {
  const { isTaken, drawAddress, drawPort } = createPool(options);

  async function giveAddress(spec: Spec, held: ReadonlySet<string>): Promise<FieldError[]> {
    const { clusterIP = '' } = spec;
    if (spec.type === 'ExternalName' || clusterIP === 'None') return [];
    if (clusterIP === '') spec.clusterIP = await drawAddress();
    spec.clusterIPs = [spec.clusterIP ?? ''];
    if (clusterIP === '' || held.has(addressKey(clusterIP))) return [];
    const why = !isInRange(clusterIP) ? `the provided IP (${clusterIP}) is not in the valid range. The range of valid IPs is ${serviceRange}`
      : (await isTaken(addressKey(clusterIP))) ? 'provided IP is already allocated' : undefined;
    const path = new Path('spec').child('clusterIPs');
    return why === undefined ? [] : [invalid(path, [clusterIP], `failed to allocate IP ${clusterIP}: ${why}`)];
  }

  async function givePorts(spec: Spec, held: ReadonlySet<string>): Promise<FieldError[]> {
    if (!hasNodePorts(spec)) return [];
    const errors: FieldError[] = [];
    const chosen = new Set((spec.ports ?? []).map(({ nodePort = 0 }) => nodePort));
    for (const [index, port] of (spec.ports ?? []).entries()) {
      const { nodePort = 0 } = port;
      const path = new Path('spec').child('ports').index(index).child('nodePort');
      if (nodePort === 0) {
        // Nobody asked for one, and the Service wants none; one that is asked for is given all the same.
        if (spec.allocateLoadBalancerNodePorts === false) continue;
        port.nodePort = await drawPort(chosen);
        chosen.add(port.nodePort);
      } else if (nodePort < firstNodePort || nodePort >= firstNodePort + nodePortCount) {
        errors.push(invalid(path, nodePort, `provided port is not in the valid range. The range of valid ports is ${firstNodePort}-${firstNodePort + nodePortCount - 1}`));
      } else if (!held.has(portKey(nodePort)) && (await isTaken(portKey(nodePort)))) {
        errors.push(invalid(path, nodePort, 'provided port is already allocated'));
      }
    }
    return errors;
  }

  async function claim(draft: Draft<Service>, held: ReadonlySet<string>): Promise<Companions> {
    const spec = (draft.spec ??= {});
    const errors = [...(await giveAddress(spec, held)), ...(await givePorts(spec, held))];
    if (errors.length > 0) throw invalidObject(Service, draft.metadata?.name ?? '', errors);
    const wanted = keysOf(draft);
    const owner = Buffer.from(JSON.stringify({ namespace: draft.metadata?.namespace, name: draft.metadata?.name }));
    const fresh = [...wanted].filter((key) => !held.has(key));
    return {
      compares: fresh.map((key) => ({ key, revision: 0 })),
      writes: [
        ...fresh.map((key): Write => ({ type: 'put', key, value: owner })),
        ...[...held].filter((key) => !wanted.has(key)).map((key): Write => ({ type: 'delete', key })),
      ],
    };
  }

  return {
    create: (draft) => claim(draft as Draft<Service>, new Set()),
    update: (draft, old) => claim(draft as Draft<Service>, keysOf(old as Service)),
    remove: (object: KubernetesObject) => Promise.resolve({ compares: [], writes: [...keysOf(object as Service)].map((key): Write => ({ type: 'delete', key })) }),
  };
}

function isInRange(address: string): boolean {
  return /^10\.43\.\d{1,3}\.\d{1,3}$/.test(address) && address.split('.').every((part) => Number(part) <= 255)
    && address !== '10.43.0.0' && address !== '10.43.255.255';
}

/** What a Service holds. */
function keysOf({ spec = {} }: Service): Set<string> {
  const { clusterIP = '' } = spec;
  const address = spec.type === 'ExternalName' || clusterIP === '' || clusterIP === 'None' ? [] : [addressKey(clusterIP)];
  // One port may be open for TCP and UDP both.
  const ports = hasNodePorts(spec) ? (spec.ports ?? []).map(({ nodePort = 0 }) => nodePort).filter((port) => port > 0) : [];
  return new Set([...address, ...ports.map(portKey)]);
}
