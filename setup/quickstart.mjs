/**
 * `npm run quickstart`: from nothing to an answer out of a pod, by the same commands that a user would type. Leaves the
 * cluster running; `npm run down` removes it.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { exampleImage } from './example-image.mjs';

const fetchMs = 10_000;
const rolloutSeconds = 60;

/** Runs a command to its end; resolves with what it printed, which is shown too unless `quiet`. */
function run(program, args, { quiet = false, env = process.env } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'], env });
    let output = '';
    child.stdout.on('data', (chunk) => {
      output += chunk;
      if (!quiet) process.stdout.write(chunk);
    });
    child.once('error', reject);
    child.once('close', (code) => (code === 0 ? resolve(output) : reject(new Error(`'${program} ${args.join(' ')}' ended with exit code ${code}`))));
  });
}

async function fetchFrom(address) {
  const response = await fetch(`http://${address}:8080/cgi-bin/hello`, { signal: AbortSignal.timeout(fetchMs) });
  if (!response.ok) throw new Error(`the pod at ${address} answered ${response.status}`);
  return (await response.text()).trim();
}

/** Kubernetes' usual port, or any free one when that is taken. */
async function apiPort() {
  const server = createServer();
  const isFree = await new Promise((resolve) => server.once('error', () => resolve(false)).listen(6443, '0.0.0.0', () => resolve(true)));
  server.close();
  return isFree ? '6443' : '0';
}

const root = dirname(import.meta.dirname);
const [dataDir, ...upArgs] = process.argv.slice(2);
const coracle = join(root, 'bin/coracle');
const kubeconfig = join(dataDir, 'admin.kubeconfig');
const env = { ...process.env, KUBECONFIG: kubeconfig };
const kubectl = (args, options = {}) => run(coracle, ['kubectl', ...args], { env, ...options });

/** Does the cluster of an earlier quick start still run? */
const isRunning = existsSync(kubeconfig) && (await kubectl(['get', '--raw', '/readyz'], { quiet: true }).then(() => true, () => false));
if (isRunning) process.stdout.write('the cluster is running already\n');
else await run(coracle, ['up', '--detach', '--data-dir', dataDir, '--api-port', await apiPort(), ...upArgs]);
await run(coracle, ['image', 'import', join(root, 'generated/images/web.tar'), '--data-dir', dataDir]);
await kubectl(['apply', '-f', join(root, 'manifests/examples/web.yaml')]);
await kubectl(['rollout', 'status', 'deployment/web', `--timeout=${rolloutSeconds}s`]);
await kubectl(['get', 'pods', '-o', 'wide']);
const addresses = await kubectl(['get', 'pods', '-l', 'app=web', '-o', 'jsonpath={.items[*].status.podIP}'], { quiet: true });
process.stdout.write(`a pod answers: ${await fetchFrom(addresses.split(' ')[0])}\n`);
process.stdout.write(`
The cluster is running. Next, try:
  export KUBECONFIG=${kubeconfig}
  bin/coracle kubectl scale deployment/web --replicas=5
  bin/coracle kubectl exec -it deployment/web -- sh
  bin/coracle kubectl run hello --rm -it --restart=Never --image=${exampleImage} -- sh
and remove everything with: npm run down
`);
