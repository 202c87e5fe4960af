import { mkdtemp, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { buildImage as build, type BuildOptions } from '../../node-agent/images/build.ts';
import { bytesDigest } from '../../node-agent/images/digest.ts';
import { writeLayout } from '../../node-agent/images/layout.ts';
import { parseReference } from '../../node-agent/images/reference.ts';
import { openRuntime } from '../../node-agent/runtime/native-runtime.ts';
import { silentLog } from '../../client/log.ts';
import { CommandFailure } from '../failure.ts';
import { requireRoot } from '../host.ts';
import type { Invocation } from '../terminal.ts';
import { failuresOfImages, shortId, withImages, type ImageCommandOptions } from './image.ts';

export interface BuildCommandOptions extends ImageCommandOptions {
  readonly tag?: string;
  readonly entrypoint?: readonly string[];
  readonly cmd?: readonly string[];
  readonly env: readonly string[];
  readonly workdir?: string;
  readonly user?: string;
  readonly label: readonly string[];
  readonly mtime: number;
  readonly output?: string;
}

export async function buildImage({ terminal }: Invocation, directory: string, options: BuildCommandOptions): Promise<void> {
  const { tag, output } = options;
  if (output !== undefined) return terminal.line(await writeBuilt(resolve(directory), resolve(output), options));
  await withImages(options, async (images) => {
    const { id } = await images.build(resolve(directory), { ...buildOptions(options), ...(tag === undefined ? {} : { name: tag }) });
    terminal.line(tag === undefined ? id : `${tag} ${shortId(id)}`);
  });
}

function buildOptions({ mtime, entrypoint, cmd, env, workdir, user, label }: BuildCommandOptions): BuildOptions {
  return {
    mtime,
    config: {
      env, labels: Object.fromEntries(label.map((each) => [each.slice(0, each.indexOf('=')), each.slice(each.indexOf('=') + 1)])),
      ...(entrypoint === undefined ? {} : { entrypoint }), ...(cmd === undefined ? {} : { command: cmd }),
      ...(workdir === undefined ? {} : { workingDir: workdir }), ...(user === undefined ? {} : { user }),
    },
  };
}

/** Needs no cluster on this machine. Answers what to print. */
async function writeBuilt(directory: string, output: string, options: BuildCommandOptions): Promise<string> {
  requireRoot('image');
  const name = options.tag === undefined ? undefined : parseReference(options.tag);
  if (options.tag !== undefined && name?.tag === undefined) throw new CommandFailure(`"${options.tag}" names no image: it looks like registry.example/app:1`);
  const work = await mkdtemp(join(dirname(output), '.coracle-build-')).catch((error: unknown) => {
    throw new CommandFailure(`cannot write in ${dirname(output)}`, { cause: error });
  });
  try {
    const runtime = await openRuntime({ dataDir: work, instance: 'build0', log: silentLog });
    try {
      const image = await failuresOfImages(() => build((request) => runtime.pack(request), work, directory, buildOptions(options)));
      await writeLayout(image, name, output);
      return `${options.output ?? ''} ${shortId(bytesDigest(image.config))}`;
    } finally {
      await runtime.close();
    }
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
