/** `npm run X`: does the set-up that X needs, then hands over to the pinned Node. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { pinnedNode, root, setup } from './setup.mjs';

const bin = (name) => join(root, 'node_modules', name);
const typeCheck = ['types', bin('typescript/bin/tsc'), '--noEmit', '-p', root];
const lint = ['lint', bin('oxlint/bin/oxlint'), '--config', join(root, '.oxlintrc.json'), '--type-aware', '--deny-warnings', root];
const tests = (args) => ['tests', bin('vitest/vitest.mjs'), 'run', ...args];

/** The quick start's cluster: this checkout's own, beside whatever else runs on the machine. */
const quickstartDir = join(root, '.coracle');

const commands = {
  quickstart: { needs: ['run'], steps: (args) => [['quickstart', join(root, 'setup/quickstart.mjs'), quickstartDir, ...args]] },
  down: { steps: () => [['down', join(root, 'cli/main.ts'), 'down', '--purge', '--data-dir', quickstartDir]] },
  check: { needs: ['run'], steps: () => [typeCheck, lint] },
  bench: { needs: ['run', 'bench'], steps: (args) => (args.length > 0 ? args : ['store', 'api', 'scheduler', 'node', 'cluster']).map((bench) => [`bench ${bench}`, join(root, `bench/${bench}.ts`)]) },
  dev: { needs: ['run'], steps: () => [['dev', '--watch', '--watch-preserve-output', join(root, 'cli/main.ts'), 'up', '--data-dir', quickstartDir]] },
  soak: { needs: ['run', 'test'], steps: (args) => [['soak', join(root, 'test/soak/main.ts'), ...args]] },
  fuzz: { needs: ['run'], steps: (args) => [['fuzz', join(root, 'test/fuzz/main.ts'), ...args]] },
  test: { needs: ['run', 'test'], steps: (args) => (args.length > 0 ? [tests(args)] : [typeCheck, lint, tests([])]) },
};

const [name, ...args] = process.argv.slice(2);
const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
if (command === undefined) {
  process.stderr.write(`run: unknown command '${name}'; one of: ${Object.keys(commands).join(', ')}\n`);
  process.exit(1);
}
if (command.needs !== undefined) await setup(command.needs);
for (const [label, ...argv] of command.steps(args)) {
  const started = Date.now();
  const { status, error } = spawnSync(pinnedNode, argv, { cwd: root, stdio: 'inherit' });
  if (error !== undefined || status !== 0) {
    process.stderr.write(`${label}: failed (${error?.message ?? `exit ${status}`})\n`);
    process.exit(1);
  }
  process.stdout.write(`${label}: ok in ${((Date.now() - started) / 1000).toFixed(1)} s\n`);
}
