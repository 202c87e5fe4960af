import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { hostname, networkInterfaces } from 'node:os';
import { CommandFailure } from './failure.ts';
import { systemCode } from '../machinery/thrown.ts';

/** What commands need to know of the machine. */

/** The machine's name as a node is called: lower case, without what a DNS name can't hold. */
export function defaultNodeName(): string {
  const name = hostname().toLowerCase().replaceAll(/[^a-z0-9.-]/g, '-').replaceAll(/^[^a-z0-9]+|[^a-z0-9]+$/g, '');
  return name === '' ? 'node' : name;
}

/** The address by which others reach this machine: that of the interface with the default route, else the first that isn't loopback. */
export async function primaryAddress(): Promise<string> {
  const routes = await readFile('/proc/self/net/route', 'utf8').catch(() => '');
  const device = routes.split('\n').slice(1).map((line) => line.split('\t')).find((columns) => columns[1] === '00000000')?.[0];
  const interfaces = networkInterfaces();
  const candidates = [...(device === undefined ? [] : interfaces[device] ?? []), ...Object.values(interfaces).flatMap((list) => list ?? [])];
  return candidates.find((one) => one.family === 'IPv4' && !one.internal)?.address ?? '127.0.0.1';
}

/** Every address of this machine that others might use. */
export function ownAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((list) => list ?? []).filter(({ internal, scopeid = 0 }) => !internal && scopeid === 0).map(({ address }) => address).toSorted();
}

/** `10.N.0.0/16` that no route of this machine meets: clusters that share a machine get different pod addresses. */
export async function freeClusterCidr(): Promise<string> {
  const routes = await readFile('/proc/self/net/route', 'utf8').catch(() => '');
  return pickClusterCidr(parseRoutes(routes));
}

export interface Route {
  readonly network: number;
  readonly mask: number;
}

/** `/proc/net/route`: hexadecimal in the machine's (little-endian) byte order. Source: proc_net(5). */
export function parseRoutes(text: string): Route[] {
  return text.split('\n').slice(1).flatMap((line) => {
    const columns = line.trim().split(/\s+/);
    const [network, mask] = [columns[1], columns[7]].map((hex) => swapped(hex ?? ''));
    return network === undefined || mask === undefined || mask === 0 ? [] : [{ network, mask }];
  });
}

function swapped(hex: string): number | undefined {
  if (!/^[0-9A-F]{8}$/i.test(hex)) return undefined;
  return Buffer.from(hex, 'hex').readUInt32LE();
}

const firstSecondOctet = 42;

/** Throws `CommandFailure` when all are taken. */
export function pickClusterCidr(routes: readonly Route[]): string {
  for (let octet = firstSecondOctet; octet < 256; octet++) {
    // 10.43.0.0/16 is the services' own.
    if (octet === firstSecondOctet + 1) continue;
    const network = ((10 << 24) | (octet << 16)) >>> 0;
    const meets = (route: Route): boolean => ((network & route.mask) >>> 0) === route.network || ((route.network & 0xff_ff_00_00) >>> 0) === network;
    if (!routes.some(meets)) return `10.${octet}.0.0/16`;
  }
  throw new CommandFailure('every network from 10.42.0.0/16 to 10.255.0.0/16 is routed on this machine: choose one with --cluster-cidr');
}

/** Can a server listen there now? */
export async function isPortFree(address: string, port: number): Promise<boolean> {
  const server = createServer();
  try {
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, address, resolve));
    return true;
  } catch (error) {
    if (systemCode(error) === 'EADDRINUSE') return false;
    throw error;
  } finally {
    server.close();
  }
}

/** Only root can make namespaces, cgroups and network devices. Throws `CommandFailure`. */
export function requireRoot(command: string): void {
  if (process.getuid?.() !== 0) throw new CommandFailure(`'coracle ${command}' makes namespaces, cgroups and network devices, which takes root: run it with sudo`);
}
