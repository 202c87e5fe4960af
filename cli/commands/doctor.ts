import { dataDirectory, port, type DefineCommand } from './command.ts';

export const doctor: DefineCommand = (program, invocation) => {
  program.command('doctor')
    .description('check whether this machine can run Coracle; each line that is not ok says what to do')
    .option('--data-dir <dir>', 'data directory that will be used', dataDirectory, invocation.defaultDataDir)
    .option('--api-port <port>', 'port that the API server will use', port, 6443)
    .action(async (options) => {
      const { runDoctor } = await import('../run/doctor.ts');
      process.exitCode = await runDoctor(invocation, options);
    });
};
