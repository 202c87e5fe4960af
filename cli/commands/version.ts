import type { DefineCommand } from './command.ts';

export const version: DefineCommand = (program, { terminal, version: own }) => {
  program.command('version').description('print the versions of Coracle and of what it runs on').action(() => {
    terminal.line(`coracle ${own} (Kubernetes API 1.36, Node ${process.versions.node}, linux/${process.arch})`);
  });
};
