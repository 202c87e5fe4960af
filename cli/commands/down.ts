import { dataDirectory, type DefineCommand } from './command.ts';

export const down: DefineCommand = (program, invocation) => {
  program.command('down')
    .description('stop Coracle on this machine, end its pods and remove what it made: processes, mounts, network devices, cgroups')
    .option('--data-dir <dir>', 'data directory of the Coracle to stop', dataDirectory, invocation.defaultDataDir)
    .option('--purge', 'remove the data directory too: the cluster itself is gone then', false)
    .action(async (options) => {
      const { runDown } = await import('../run/down.ts');
      await runDown(invocation, options);
    });
};
