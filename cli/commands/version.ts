import type { DefineCommand } from './command.ts';

export const version: DefineCommand = (program, { terminal, version: own }) => {
  const text = `coracle ${own} (Kubernetes API 1.36, Node ${process.versions.node}, linux/${process.arch})`;
  const description = 'print the versions of Coracle and of what it runs on';
  program.version(text, '-V, --version', description);
  program.command('version').description(description).action(() => terminal.line(text));
};
