import { withAccessOptions } from './access-options.ts';
import { clusterCidr, dataDirectory, host, logLevel, port, type DefineCommand } from './command.ts';
import { withStoreOptions } from './store-options.ts';

export const server: DefineCommand = (program, invocation) => {
  const command = program.command('server')
    .description('run the control plane only: API server, scheduler, controllers; machines join it with `coracle agent`')
    .option('--data-dir <dir>', 'where everything is kept', dataDirectory, invocation.defaultDataDir)
    .option('--api-port <port>', 'port of the API server; 0: any free one', port, 6443)
    .option('--api-address <address>', 'address that the API server listens on', host, '0.0.0.0')
    .option('--advertise <address>', "address or name by which other machines reach the API (default: this machine's own)", host)
    .option('--cluster-cidr <cidr>', 'addresses of pods, /16 (default: 10.42.0.0/16); kept after the first start', clusterCidr)
    .option('--log-level <level>', 'debug, info, warn or error: what <data-dir>/coracle.log holds', logLevel, 'info')
    .option('--detach', 'return once the API answers, and go on in the background', false);
  withAccessOptions(withStoreOptions(command))
    .action(async (options) => {
      const { runServer } = await import('../run/server.ts');
      await runServer(invocation, options);
    });
};
