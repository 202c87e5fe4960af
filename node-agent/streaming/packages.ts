import { messageOf } from '../../machinery/thrown.ts';
import type { Package } from '../images/packages/parse.ts';
import { isRunning } from '../pod/state.ts';
import type { StreamingOptions } from './server.ts';

/** A running container, and what its image holds of a package. */
export interface ContainerPackages {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  readonly image: string;
  readonly packages: readonly Package[];
  /** Why the image could not be looked into: then nothing is known of it. */
  readonly problem?: string;
}

export interface PackageAnswer {
  readonly containers: readonly ContainerPackages[];
}

/** Which running containers of this node have a package, by its name or by that of its source. */
export async function servePackages(options: StreamingOptions, name: string): Promise<PackageAnswer> {
  const containers: ContainerPackages[] = [];
  for (const worker of options.list()) {
    const { namespace = '', name: pod = '' } = worker.pod().metadata ?? {};
    for (const record of [...worker.state().containers.values()].filter(isRunning)) {
      const { image = '', configId = '' } = record.current ?? {};
      const about = { namespace, pod, container: record.name, image };
      try {
        const packages = (await options.images.packages(configId)).filter((each) => each.name === name || each.source === name);
        if (packages.length > 0) containers.push({ ...about, packages });
      } catch (error) {
        options.log.warn({ err: error, image }, 'an image was not looked into for packages');
        containers.push({ ...about, packages: [], problem: messageOf(error) });
      }
    }
  }
  return { containers };
}
