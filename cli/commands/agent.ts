import { dataDirectory, host, logLevel, nodeName, port, serverUrl, type DefineCommand } from './command.ts';
import { withNodeOptions } from './node-options.ts';

export const agent: DefineCommand = (program, invocation) => {
  const command = program.command('agent')
    .description('make this machine a node of a cluster')
    .requiredOption('--server <url>', 'the API server: https://host:6443', serverUrl)
    .option('--token <token>', "the text of the server's <data-dir>/join-token; needed the first time only")
    .option('--data-dir <dir>', 'where everything is kept', dataDirectory, invocation.defaultDataDir)
    .option('--node-name <name>', "this machine's name in the cluster (default: its host name)", nodeName)
    .option('--node-address <address>', "address by which the cluster reaches this machine (default: that of its default route)", host)
    .option('--port <port>', 'port for logs, exec and attach (default: 10250, or any free one)', port)
    .option('--log-level <level>', 'debug, info, warn or error: what <data-dir>/coracle.log holds', logLevel, 'info')
    .option('--stop-pods', 'end the pods too when this process is told to stop', false)
    .option('--detach', 'return once the node is Ready, and go on in the background', false);
  withNodeOptions(command)
    .action(async (options) => {
      const { runAgent } = await import('../run/agent.ts');
      await runAgent(invocation, options);
    });
};
