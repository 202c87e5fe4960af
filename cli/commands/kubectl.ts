import type { DefineCommand } from './command.ts';

export const kubectl: DefineCommand = (program, invocation) => {
  program.command('kubectl')
    .description("run kubectl against the cluster on this machine (of CORACLE_DATA_DIR or KUBECONFIG, where set): 'coracle kubectl get pods -A'")
    .argument('[args...]', "kubectl's own arguments")
    .helpOption(false)
    .allowUnknownOption()
    .passThroughOptions()
    .action(async (args: readonly string[]) => {
      const { runKubectl } = await import('../run/kubectl.ts');
      process.exitCode = await runKubectl(invocation, args);
    });
};
