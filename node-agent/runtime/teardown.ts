/** The end of an instance: whatever bears its id on this machine, whether an agent remembers it or not. */
import { join } from 'node:path';
import { startHost } from '../../native/host.ts';
import { instanceCgroup, readLayout } from './cgroups.ts';
import { listSandboxes, memoryDirectory, poolDirectory, sandboxDirectory } from './sandbox-record.ts';
import { translated } from './translate.ts';

/** Kills the instance's pods and removes their files, mounts, cgroups, network devices and nftables table. Safe to repeat. */
export async function destroyInstance(options: { readonly instance: string; readonly dataDir: string }): Promise<void> {
  const { instance, dataDir } = options;
  await translated(async () => {
    const host = startHost();
    try {
      const [layout, uids] = await Promise.all([readLayout(), listSandboxes(dataDir)]);
      await host.teardown({
        cgroups: layout.hierarchies.map(({ mount }) => join(mount, instanceCgroup(instance))),
        directories: [...uids.map((uid) => sandboxDirectory(dataDir, uid)), poolDirectory(dataDir), memoryDirectory(dataDir)],
        devicePrefix: instance, table: `coracle_${instance}`, mountsBelow: dataDir,
      });
    } finally {
      await host.close();
    }
  });
}
