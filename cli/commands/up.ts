import { withAccessOptions } from './access-options.ts';
import { clusterCidr, dataDirectory, host, logLevel, nodeName, port, type DefineCommand } from './command.ts';
import { withNodeOptions } from './node-options.ts';
import { withStoreOptions } from './store-options.ts';

export const up: DefineCommand = (program, invocation) => {
  const command = program.command('up')
    .description('run a whole cluster on this machine: API server, scheduler, controllers and a node, in one process')
    .option('--data-dir <dir>', 'where everything is kept', dataDirectory, invocation.defaultDataDir)
    .option('--api-port <port>', 'port of the API server; 0: any free one', port, 6443)
    .option('--api-address <address>', 'address that the API server listens on', host, '0.0.0.0')
    .option('--node-name <name>', "this machine's name in the cluster (default: its host name)", nodeName)
    .option('--cluster-cidr <cidr>', "addresses of pods, /16 (default: 10.42.0.0/16 or the next that is free here); kept after the first start", clusterCidr)
    .option('--log-level <level>', 'debug, info, warn or error: what <data-dir>/coracle.log holds', logLevel, 'info')
    .option('--stop-pods', 'end the pods too when this process is told to stop', false)
    .option('--detach', 'return once the node is Ready, and go on in the background', false);
  withAccessOptions(withStoreOptions(withNodeOptions(command)))
    .action(async (options) => {
      const { runUp } = await import('../run/up.ts');
      await runUp(invocation, options);
    });
};
