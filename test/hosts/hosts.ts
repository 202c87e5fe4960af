import { randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { outcome, run } from '../e2e/command.ts';

/**
 * Machines for tests: network namespaces joined by a bridge that is in a namespace of its own, so that nothing of this
 * machine's own network is touched. They share this machine's files and processes.
 */
export interface Host {
  readonly name: string;
  readonly address: string;
  /** Put before a command line, it runs there. */
  readonly through: readonly string[];
}

export interface Hosts extends AsyncDisposable {
  /** In the order that was asked for. */
  readonly all: readonly Host[];
}

const netnsDirectory = '/run/netns';

async function isMounted(): Promise<boolean> {
  return (await readFile('/proc/self/mounts', 'utf8')).includes(` ${netnsDirectory} `);
}

const network = '10.250.0';
const ip = (...args: readonly string[]) => run('ip', args);

/** Makes `count` hosts that reach each other; leaving the scope of `await using` removes them. */
export async function createHosts(count: number): Promise<Hosts> {
  const id = `t${randomBytes(3).toString('hex')}`;
  const bridge = `${id}-bridge`;
  const names = Array.from({ length: count }, (_none, index) => `${id}-${index + 1}`);
  const wasMounted = await isMounted();
  const removeAll = async (): Promise<void> => {
    for (const name of [...names, bridge]) await outcome('ip', ['netns', 'delete', name]);
    // `ip netns add` mounts the directory of names for good; a machine that had none before gets it back so.
    if (!wasMounted && (await isMounted()) && (await readdir(netnsDirectory)).length === 0) await run('umount', [netnsDirectory]);
  };
  try {
    await ip('netns', 'add', bridge);
    await ip('-n', bridge, 'link', 'add', 'bridge', 'type', 'bridge');
    await ip('-n', bridge, 'link', 'set', 'bridge', 'up');
    for (const [index, name] of names.entries()) await addHost(name, bridge, `${network}.${index + 1}`, `port${index + 1}`);
  } catch (error) {
    await removeAll();
    throw error;
  }
  return {
    // Not `ip netns exec`: that hides /sys/fs/cgroup behind a fresh /sys.
    all: names.map((name, index) => ({ name, address: `${network}.${index + 1}`, through: ['nsenter', `--net=/run/netns/${name}`, '--'] })),
    [Symbol.asyncDispose]: removeAll,
  };
}

async function addHost(name: string, bridge: string, address: string, port: string): Promise<void> {
  await ip('netns', 'add', name);
  await ip('-n', name, 'link', 'set', 'lo', 'up');
  await ip('-n', name, 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', port, 'netns', bridge);
  await ip('-n', name, 'address', 'add', `${address}/24`, 'dev', 'eth0');
  await ip('-n', name, 'link', 'set', 'eth0', 'up');
  await ip('-n', bridge, 'link', 'set', port, 'master', 'bridge', 'up');
}
