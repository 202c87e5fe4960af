import { InvalidArgumentError, Option } from 'commander';
import { dataDirectory, type DefineCommand } from './command.ts';

export const image: DefineCommand = (program, invocation) => {
  const group = program.command('image').description("this machine's images");
  const dataDir = ['--data-dir <dir>', 'data directory of the node', dataDirectory, invocation.defaultDataDir] as const;
  const insecure = ['--insecure', 'speak plain HTTP to that registry (one on loopback is always spoken to so)', false] as const;
  const authFile = ['--auth-file <path>', "credentials of registries, as `docker login` writes them to ~/.docker/config.json"] as const;
  group.command('import')
    .description('take in an OCI layout (directory or tar) or an archive of `docker save`')
    .argument('<path>')
    .option('--name <reference>', 'name it so, instead of as the archive does')
    .option(...dataDir)
    .action(async (path: string, options) => {
      const { importImage } = await import('../run/image.ts');
      await importImage(invocation, path, options);
    });
  group.command('pull')
    .description('take in an image from its registry')
    .argument('<reference>')
    .addOption(credentialsOption())
    .option(...authFile)
    .option(...insecure)
    .option(...dataDir)
    .action(async (reference: string, options) => {
      const { pullImage } = await import('../run/image.ts');
      await pullImage(invocation, reference, options);
    });
  group.command('build')
    .description('make an image of one layer from a directory, its files with owners, modes and links as they are')
    .argument('<directory>', "what becomes the image's root directory")
    .option('-t, --tag <reference>', 'name of the image')
    .option('--entrypoint <words>', 'what containers run: words between spaces, or a JSON array', words)
    .option('--cmd <words>', 'arguments of the entrypoint, or what containers run when there is none', words)
    .option('--env <name=value>', 'a variable of their environment; may be given again', variable, [])
    .option('--workdir <path>', 'where they start', absolutePath)
    .option('--user <user[:group]>', 'who they run as, by names in the directory\'s /etc/passwd or by numbers')
    .option('--label <name=value>', 'a label of the image; may be given again', variable, [])
    .option('--mtime <seconds>', 'time of all files and of the image, since 1970: equal directories make equal images', seconds, 0)
    .option('--output <path>', 'write a tar of an OCI layout instead of taking the image in')
    .option(...dataDir)
    .action(async (directory: string, options) => {
      const { buildImage } = await import('../run/image-build.ts');
      await buildImage(invocation, directory, options);
    });
  group.command('push')
    .description('bring an image that was built here to a registry')
    .argument('<name>', 'name or id of the image')
    .argument('[reference]', 'where to, when that is not its name')
    .addOption(credentialsOption())
    .option(...authFile)
    .option(...insecure)
    .option(...dataDir)
    .action(async (name: string, reference: string | undefined, options) => {
      const { pushImage } = await import('../run/image.ts');
      await pushImage(invocation, name, reference ?? name, options);
    });
  group.command('list').alias('ls')
    .description('list names, ids, sizes, and which stay when the disk fills up')
    .option(...dataDir)
    .action(async (options) => {
      const { listImages } = await import('../run/image.ts');
      await listImages(invocation, options);
    });
  for (const [name, pinned, description] of [
    ['pin', true, 'have images stay when the disk fills up, as imported and built ones do'], ['unpin', false, 'let images go when the disk fills up and nothing uses them'],
  ] as const) {
    group.command(name)
      .description(description)
      .argument('<reference...>')
      .option(...dataDir)
      .action(async (references: readonly string[], options) => {
        const { pinImages } = await import('../run/image.ts');
        await pinImages(invocation, references, pinned, options);
      });
  }
  group.command('packages')
    .description("list what an image's package managers say is in it: dpkg, apk and npm")
    .argument('<reference>')
    .option(...dataDir)
    .action(async (reference: string, options) => {
      const { listPackages } = await import('../run/image-packages.ts');
      await listPackages(invocation, reference, options);
    });
  group.command('find')
    .description("find the cluster's running containers whose images have a package")
    .argument('<package>', "its name or its source's: openssl, 'openssl<3.0.12', '@babel/core>=7.1'")
    .option(...dataDir)
    .action(async (text: string, options) => {
      const { findPackage } = await import('../run/image-packages.ts');
      await findPackage(invocation, text, options);
    });
  group.command('rm')
    .description('remove images by name or id')
    .argument('<reference...>')
    .option(...dataDir)
    .action(async (references: readonly string[], options) => {
      const { removeImages } = await import('../run/image.ts');
      await removeImages(invocation, references, options);
    });
};

function credentialsOption(): Option {
  return new Option('--creds <user:password>', 'credentials for the registry; others on this machine can see them while the command runs').argParser(credentials).conflicts('authFile');
}

export function credentials(text: string): { readonly username: string; readonly password: string } {
  const colon = text.indexOf(':');
  if (colon < 1) throw new InvalidArgumentError('It looks like user:password.');
  return { username: text.slice(0, colon), password: text.slice(colon + 1) };
}

/** `/bin/serve --port 80`, or `["/bin/serve", "a word with spaces"]`. */
export function words(text: string): readonly string[] {
  const found = text.trimStart().startsWith('[') ? jsonWords(text) : text.split(/\s+/).filter((word) => word !== '');
  if (found !== undefined && !text.trimStart().startsWith('[') && /['"]/.test(text)) throw new InvalidArgumentError(`Quotes are not read as a shell does: give a JSON array, '["sh", "-c", "…"]'.`);
  if (found === undefined || found.length === 0) throw new InvalidArgumentError('It is words between spaces, or a JSON array of texts.');
  return found;
}

function jsonWords(text: string): readonly string[] | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) && value.every((each): each is string => typeof each === 'string') ? value : undefined;
  } catch {
    // Not JSON: the caller says what it should have been.
    return undefined;
  }
}

export function variable(text: string, before: readonly string[]): readonly string[] {
  if (!/^[^=\0]+=/.test(text)) throw new InvalidArgumentError('It looks like NAME=value.');
  return [...before, text];
}

export function absolutePath(text: string): string {
  if (!text.startsWith('/')) throw new InvalidArgumentError('It is a path in the image, and begins with /.');
  return text;
}

/** The latest year that dates are written for is 9999. */
export function seconds(text: string): number {
  const number = Number(text);
  if (!/^\d{1,12}$/.test(text) || number > 253_402_300_799) throw new InvalidArgumentError('It is a whole number of seconds since 1970, as `date +%s` prints it.');
  return number;
}
