import { dataDirectory, type DefineCommand } from './command.ts';

export const image: DefineCommand = (program, invocation) => {
  const group = program.command('image').description("this machine's images");
  const dataDir = ['--data-dir <dir>', 'data directory of the node', dataDirectory, invocation.defaultDataDir] as const;
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
    .description('take in an image from its registry, which must not ask for a password')
    .argument('<reference>')
    .option(...dataDir)
    .action(async (reference: string, options) => {
      const { pullImage } = await import('../run/image.ts');
      await pullImage(invocation, reference, options);
    });
  group.command('list').alias('ls')
    .description('list names, ids and sizes')
    .option(...dataDir)
    .action(async (options) => {
      const { listImages } = await import('../run/image.ts');
      await listImages(invocation, options);
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
