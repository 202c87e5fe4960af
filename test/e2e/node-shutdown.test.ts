import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Node, Pod } from '../../machinery/kinds/core.ts';
import { startLogind, type TestLogind } from '../hosts/logind.ts';
import type { Started } from './command.ts';
import { importWeb, kubectlFor, newDataDir, nodeFlags, remove, startUntil } from './coracle.ts';
import { eventually } from './eventually.ts';
import type { Kubectl } from './kubectl.ts';
import { commandOf, descendantsOf } from './machine-processes.ts';
import { deployment, pod, script } from './manifests.ts';

/** A cluster of this file's own on a machine that goes down: each test takes it as the one before has left it. */
let machine: TestLogind;
let dataDir: string;
let shared: string;
let running: Started;
let kubectl: Kubectl;

beforeAll(async () => {
  machine = await startLogind(60);
  dataDir = await newDataDir('shutdown');
  shared = await mkdtemp(join(tmpdir(), 'coracle-shutdown-'));
  const through = ['env', ...Object.entries(machine.env).map(([name, value]) => `${name}=${value}`)];
  const args = ['up', '--data-dir', dataDir, '--api-port', '0', ...nodeFlags, '--shutdown-grace-period', '30s', '--shutdown-grace-period-critical-pods', '15s'];
  running = await startUntil(/^Node \S+: Ready/m, args, through);
  await importWeb(dataDir);
  kubectl = kubectlFor(dataDir);
});

afterAll(async () => {
  try {
    await remove(dataDir);
  } finally {
    await machine[Symbol.asyncDispose]();
    await rm(shared, { recursive: true, force: true });
  }
});

/** Writes a line when it is asked to end, and another a little later. */
function witness(name: string, spec: object = {}) {
  const text = `trap 'echo ${name} is asked >> /shared/ends; sleep 1; echo ${name} ends >> /shared/ends; exit 0' TERM; while true; do sleep 0.1; done`;
  const volumes = [{ name: 'shared', hostPath: { path: shared } }];
  return pod(name, { container: { ...script(text), volumeMounts: [{ name: 'shared', mountPath: '/shared' }] }, spec: { volumes, terminationGracePeriodSeconds: 10, ...spec } });
}

const statusOf = async (name: string) => (await kubectl.object<Pod>`get pod ${name} -o json`).status;
const node = async () => (await kubectl.object<{ readonly items: readonly Node[] }>`get nodes -o json`).items[0];
const readiness = async () => (await node())?.status?.conditions?.find(({ type }) => type === 'Ready');
const message = 'Pod was terminated in response to imminent node shutdown.';

describe('a machine that goes down', () => {
  it('ends its pods, the critical ones last, before it goes on', async () => {
    expect(await machine.told(/^inhibited: .*$/m)).toBe('inhibited: shutdown delay coracle: pods are ended first');
    await kubectl.apply(witness('plain'), witness('critical', { priorityClassName: 'system-cluster-critical' }), deployment('web'), pod('stubborn', { container: script('trap "" TERM; sleep 1000') }));
    await kubectl`wait pod/plain pod/critical pod/stubborn --for=condition=Ready --timeout=30s`;
    await kubectl`rollout status deployment/web --timeout=30s`;
    const [replaced = ''] = (await kubectl`get pods -l app=web -o name`).trim().split('\n');
    machine.announce(true);
    await machine.told(/^released$/m);
    // What it is to know was written before: nobody waits for it.
    for (const name of ['plain', 'critical', 'stubborn', replaced.replace('pod/', '')]) {
      const status = await statusOf(name);
      expect(status).toMatchObject({ phase: 'Failed', reason: 'Terminated', message });
      expect(status?.conditions).toContainEqual(expect.objectContaining({ type: 'DisruptionTarget', status: 'True', reason: 'TerminationByKubelet', message }));
      expect(status?.containerStatuses?.[0]?.state?.terminated).toBeDefined();
    }
    expect(await readFile(join(shared, 'ends'), 'utf8')).toBe('plain is asked\nplain ends\ncritical is asked\ncritical ends\n');
  });

  it('is a node that is not Ready and takes no pods', async () => {
    await eventually(async () => expect(await readiness()).toMatchObject({ status: 'False', reason: 'KubeletNotReady', message: 'node is shutting down' }));
    const nodeName = (await node())?.metadata?.name ?? '';
    await kubectl.apply(pod('late', { spec: { nodeName } }));
    await kubectl`wait pod/late --for=jsonpath={.status.phase}=Failed --timeout=30s`;
    expect(await statusOf('late')).toMatchObject({ reason: 'NodeShutdown', message: 'Pod was rejected: Pod was rejected as the node is shutting down.' });
    await eventually(async () => expect(await kubectl`get events --field-selector involvedObject.kind=Node,reason=Shutdown -o jsonpath={.items[*].message}`).toBe('Shutdown manager detected shutdown event'));
  });

  it('has its pods replaced elsewhere', async () => {
    await eventually(async () => expect(await kubectl`get pods -l app=web --field-selector=status.phase=Pending -o name`).toMatch(/^pod\/web-\S+\n$/));
  });

  it('is as before when it doesn\'t go down after all', async () => {
    machine.announce(false);
    await machine.told(/^inhibited: /m);
    await kubectl`rollout status deployment/web --timeout=30s`;
    expect(await readiness()).toMatchObject({ status: 'True', reason: 'KubeletReady' });
  });

  it('does not wait for an agent that was killed, and that leaves nothing behind', async () => {
    const beside = await descendantsOf(running.pid);
    expect(beside.map(({ command }) => command.split(' ')[0]?.split('/').at(-1))).toEqual(expect.arrayContaining(['systemd-inhibit', 'cat', 'busctl']));
    running.kill('SIGKILL');
    await machine.told(/^released$/m);
    await eventually(async () => {
      for (const { pid, command } of beside.filter((each) => /systemd-inhibit|^cat$|busctl/.test(each.command))) expect(await commandOf(pid)).not.toBe(command);
    });
  });
});
