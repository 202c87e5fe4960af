/** The end of an instance: whatever bears its id on this machine, whether an agent remembers it or not. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startHost, type NetworkRequest } from '../../native/host.ts';
import { allHierarchies, instanceCgroup, readLayout } from './cgroups.ts';
import { bridgeName } from './sandboxes.ts';
import { endLimits } from './projects.ts';
import { listSandboxes, memoryDirectory, podsDirectory, poolDirectory, sandboxDirectory } from './sandbox-record.ts';
import { translated } from './translate.ts';

/**
 * Kills the instance's pods and removes their files, mounts, cgroups, routes, network devices and nftables table. Safe to repeat.
 * `volumes`: what pods have in volumes on the disk goes too.
 */
export async function destroyInstance(options: { readonly instance: string; readonly dataDir: string; readonly volumes?: boolean }): Promise<void> {
  const { instance, dataDir, volumes = false } = options;
  await translated(async () => {
    const host = startHost();
    try {
      const [layout, uids, routes] = await Promise.all([readLayout(), listSandboxes(dataDir), readFile('/proc/self/net/route', 'utf8')]);
      // Routes to other nodes bear no id: they go as they came, by a network that has none.
      const network = networkOf(routes, instance);
      if (network !== undefined) await host.configureNetwork(network);
      await host.teardown({
        cgroups: allHierarchies(layout).map(({ mount }) => join(mount, instanceCgroup(instance))),
        directories: [...(volumes ? [podsDirectory(dataDir)] : uids.map((uid) => sandboxDirectory(dataDir, uid))), poolDirectory(dataDir), memoryDirectory(dataDir)],
        devicePrefix: instance, table: `coracle_${instance}`,
        // The data directory itself may be a file system that the machine's owner has mounted there.
        mountsBelow: podsDirectory(dataDir),
      });
      const areLimited = await host.checkQuota(dataDir).then(() => true, () => false);
      if (areLimited) await endLimits(host, dataDir, (error) => {
        throw error;
      });
    } finally {
      await host.close();
    }
  });
}

/** The network of an instance without its routes to other nodes, from its bridge's own route in `/proc/net/route` (proc_net(5)). Pure. */
export function networkOf(routes: string, instance: string): NetworkRequest | undefined {
  const bridge = bridgeName(instance);
  const own = routes.split('\n').map((line) => line.split('\t')).find(([device]) => device === bridge);
  const [, destination = '', , , , , , mask = ''] = own ?? [];
  const [net, bits] = [destination, mask].map((hex) => (/^[0-9A-F]{8}$/.test(hex) ? Buffer.from(hex, 'hex').readUInt32LE() : undefined));
  if (net === undefined || bits === undefined) return undefined;
  const pods = { net, prefix: Math.clz32(~bits >>> 0) };
  return { bridge, gateway: net + 1, table: `coracle_${instance}`, pods, cluster: { net: (net & 0xff_ff_00_00) >>> 0, prefix: 16 }, routes: [] };
}
