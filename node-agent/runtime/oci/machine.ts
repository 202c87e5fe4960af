/** What an OCI runtime must be told of the machine. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCode } from '../../../machinery/thrown.ts';
import { allCapabilities } from '../capabilities.ts';

/** A device as the OCI runtime specification has it. */
export interface OciDevice {
  readonly path: string;
  readonly type: 'b' | 'c';
  readonly major: number;
  readonly minor: number;
  readonly fileMode: number;
  readonly uid: number;
  readonly gid: number;
}

/** Made for each container anew. */
const own: ReadonlySet<string> = new Set(['console', 'ptmx', 'pts', 'shm', 'mqueue']);

/** Every device of the machine, for who gets all of them; two levels deep, which is how deep udev nests what containers use. */
export async function machineDevices(directory = '/dev', depth = 1): Promise<readonly OciDevice[]> {
  const entries = (await readdir(directory)).filter((name) => !own.has(name) && !name.startsWith('.'));
  const found = await Promise.all(entries.map((name) => devicesAt(join(directory, name), depth)));
  return found.flat();
}

async function devicesAt(path: string, depth: number): Promise<readonly OciDevice[]> {
  try {
    const status = await stat(path);
    if (status.isDirectory()) return depth > 0 ? await machineDevices(path, depth - 1) : [];
    if (!status.isBlockDevice() && !status.isCharacterDevice()) return [];
    return [{ path, type: status.isBlockDevice() ? 'b' : 'c', ...numbersOf(status.rdev), fileMode: status.mode & 0o7777, uid: status.uid, gid: status.gid }];
  } catch (error) {
    // Gone since it was listed, or a link to what is gone.
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  }
}

/** Source: makedev(3), glibc's packing of a device's number. */
export function numbersOf(rdev: number): { readonly major: number; readonly minor: number } {
  const bits = BigInt(rdev);
  return { major: Number((bits >> 8n & 0xf_ffn) | (bits >> 32n & ~0xf_ffn)), minor: Number((bits & 0xffn) | (bits >> 12n & ~0xffn)) };
}

/** `CAP_…` names that this process may hand on: some machines withhold one from root itself, and a runtime fails on what it can't give. */
export async function ownCapabilities(): Promise<readonly string[]> {
  return capabilitiesIn(await readFile('/proc/self/status', 'utf8'));
}

/** From the bounding set in `/proc/<pid>/status`. */
export function capabilitiesIn(status: string): readonly string[] {
  const mask = BigInt(`0x${/^CapBnd:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`);
  return allCapabilities.filter((_, number) => (mask >> BigInt(number) & 1n) === 1n);
}
