import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { Node, Pod } from '../../machinery/kinds/core.ts';
import { createHosts, type Host, type Hosts } from '../hosts/hosts.ts';
import { startEtcd, type EtcdCluster } from '../suites/etcd.ts';
import type { Started } from './command.ts';
import { accessTo, importWeb, instanceOf, newDataDir, nodeFlags, remove, startUntil, storeFlags } from './coracle.ts';
import { eventually } from './eventually.ts';
import { createKubectl, type Kubectl } from './kubectl.ts';
import { onlyProcess, podProcesses } from './machine-processes.ts';
import { lasting, pod, type PodOptions } from './manifests.ts';

/** A node with a directory of manifests, and a server that it can do without, as on two machines. */
let hosts: Hosts;
let etcd: EtcdCluster | undefined;
let kubectl: Kubectl;
let manifests: string;
let instance: string;
const running: { server?: Started; agent?: Started } = {};
const dataDirs: { server?: string; agent?: string } = {};

const machine = (index: number): Host => {
  const host = hosts.all[index];
  if (host === undefined) throw new Error('there are two machines');
  return host;
};

async function startServer(): Promise<void> {
  const dataDir = (dataDirs.server ??= await newDataDir('static-server'));
  const { address, through } = machine(0);
  running.server = await startUntil(/^API server: \S+ answers/m, ['server', '--advertise', address, '--data-dir', dataDir, ...storeFlags(dataDir, etcd?.endpoints ?? [])], through);
}

async function startAgent(said: RegExp, ...more: readonly string[]): Promise<void> {
  const dataDir = (dataDirs.agent ??= await newDataDir('static-agent'));
  const { address, through } = machine(1);
  running.agent = await startUntil(said, [
    'agent', '--server', `https://${machine(0).address}:6443`, '--node-name', 'machine', '--node-address', address, '--pod-manifest-path', manifests, '--data-dir', dataDir, ...nodeFlags, ...more,
  ], through);
}

async function stop(part: 'server' | 'agent'): Promise<void> {
  running[part]?.kill('SIGTERM');
  await running[part]?.ended;
}

beforeAll(async () => {
  hosts = await createHosts(2);
  if (inject('etcdEndpoints').length > 0) etcd = await startEtcd(1, machine(0).through);
  manifests = await mkdtemp(join(tmpdir(), 'coracle-manifests-'));
  await startServer();
  const token = (await readFile(`${dataDirs.server}/join-token`, 'utf8')).trim();
  await startAgent(/Ready/, '--token', token);
  await importWeb(dataDirs.agent ?? '');
  instance = await instanceOf(dataDirs.agent ?? '');
  kubectl = createKubectl({ ...accessTo(dataDirs.server ?? ''), through: machine(0).through });
});

afterAll(async () => {
  const failures: unknown[] = [];
  for (const [dataDir, index] of [[dataDirs.agent, 1], [dataDirs.server, 0]] as const) {
    if (dataDir !== undefined) await remove(dataDir, machine(index).through).catch((error: unknown) => failures.push(error));
  }
  await etcd?.dispose();
  await hosts[Symbol.asyncDispose]();
  await rm(manifests, { recursive: true, force: true });
  if (failures.length > 0) throw new AggregateError(failures, failures.map(String).join('\n'));
});

/** Puts a manifest in its place at once, as it should be done. */
async function put(name: string, content: object | string): Promise<void> {
  const aside = join(manifests, `.${name}`);
  await writeFile(aside, typeof content === 'string' ? content : JSON.stringify(content));
  await rename(aside, join(manifests, name));
}

const manifest = (name: string, options: PodOptions & { readonly mark: string }) => pod(name, { ...options, container: { ...lasting(options.mark), ...options.container } });
const marked = (mark: string) => new RegExp(`: ${mark};`);
const processesOf = (mark: string) => podProcesses(instance, marked(mark));
const processOf = (mark: string) => onlyProcess(instance, marked(mark));
const mirror = (name: string) => kubectl.object<Pod>`get pod ${name} -o json`;

async function ready(name: string): Promise<Pod> {
  await eventually(() => kubectl`get pod ${name}`);
  await kubectl`wait pod/${name} --for=condition=Ready --timeout=30s`;
  return await mirror(name);
}

describe('a manifest in the directory', () => {
  it('is a pod of the node, which the API shows with its status, logs and exec', async () => {
    await put('web.yaml', JSON.stringify(manifest('web', { mark: 'web-one', labels: { app: 'web' } })));
    const { metadata, spec, status } = await ready('web-machine');
    const node = await kubectl.object<Node>`get node machine -o json`;
    expect(metadata).toMatchObject({
      namespace: 'default', labels: { app: 'web' },
      annotations: { 'kubernetes.io/config.source': 'file', 'kubernetes.io/config.mirror': expect.stringMatching(/^[0-9a-f]{32}$/) },
      ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: 'machine', uid: node.metadata?.uid, controller: true }],
    });
    expect(metadata?.annotations?.['kubernetes.io/config.hash']).toBe(metadata?.annotations?.['kubernetes.io/config.mirror']);
    expect(spec).toMatchObject({ nodeName: 'machine', dnsPolicy: 'ClusterFirst', tolerations: [{ operator: 'Exists', effect: 'NoExecute' }], containers: [{ imagePullPolicy: 'IfNotPresent' }] });
    expect(spec?.serviceAccountName).toBeUndefined();
    expect(status).toMatchObject({ phase: 'Running', podIP: expect.stringMatching(/^10\./), containerStatuses: [{ ready: true, restartCount: 0 }] });
    expect(await kubectl`exec web-machine -- hostname`).toBe('web-machine\n');
    expect(await kubectl`describe pod web-machine`).toMatch(/Normal +Started .* kubelet/);
  });

  it('that somebody deletes in the API runs on, and is shown again', async () => {
    const [before, pid] = [await mirror('web-machine'), await processOf('web-one')];
    await kubectl`delete pod web-machine --timeout=30s`;
    const after = await ready('web-machine');
    expect(after.metadata?.uid).not.toBe(before.metadata?.uid);
    expect(after.status?.containerStatuses).toMatchObject([{ containerID: before.status?.containerStatuses?.[0]?.containerID, restartCount: 0 }]);
    expect(await processOf('web-one')).toBe(pid);
  });

  it('stays when its node is drained, can not be changed through the API, and is no eviction\'s', async () => {
    const pid = await processOf('web-one');
    await kubectl`drain machine --timeout=30s`;
    await kubectl`uncordon machine`;
    expect(await processOf('web-one')).toBe(pid);
    expect(await kubectl.refused`debug web-machine --image=coracle.example/web:1 --attach=false -- true`).toContain('static pods do not support ephemeral containers');
    expect(await kubectl.refused`annotate pod web-machine kubernetes.io/config.mirror-`).toContain('may not remove or update mirror pod annotation');
  });

  it('is another pod when it is changed, and begins when the one before it has ended', async () => {
    const before = await mirror('web-machine');
    await put('web.yaml', manifest('web', { mark: 'web-two', labels: { app: 'web' } }));
    await processOf('web-two');
    expect(await processesOf('web-one')).toEqual([]);
    const hashOf = ({ metadata }: Pod) => metadata?.annotations?.['kubernetes.io/config.hash'];
    await eventually(async () => expect(hashOf(await mirror('web-machine'))).not.toBe(hashOf(before)));
    await ready('web-machine');
  });

  it('is the same pod when only its words are ordered otherwise', async () => {
    const pid = await processOf('web-two');
    const { spec, ...rest } = manifest('web', { mark: 'web-two', labels: { app: 'web' } });
    await put('web.yaml', `# the same\n${JSON.stringify({ spec, ...rest })}`);
    // What comes after it has been read when this one runs.
    await put('zz.json', manifest('later', { mark: 'later' }));
    await ready('later-machine');
    expect(await processOf('web-two')).toBe(pid);
  });
});

describe('a manifest that is no good', () => {
  it.each([
    ['broken.yaml', 'kind: [Pod', 'error converting YAML to JSON'],
    ['nameless.yaml', pod(''), 'name is needed for the pod'],
    ['secret.json', pod('secret', { container: { envFrom: [{ secretRef: { name: 'x' } }] } }), 'static pods may not reference secrets'],
    ['account.yml', pod('account', { spec: { serviceAccountName: 'x' } }), 'static pods may not reference serviceaccounts'],
    ['invalid.yaml', pod('invalid', { spec: { restartPolicy: 'Sometimes' } }), 'spec.restartPolicy: Unsupported value: "Sometimes"'],
    ['list.yaml', { apiVersion: 'v1', kind: 'List', items: [] }, 'List'],
  ])('is a warning about %s on the node, and nothing else', async (name, content, message) => {
    await put(name, content);
    await eventually(async () => expect(await kubectl`get events --field-selector=involvedObject.kind=Node,reason=FailedValidation -o ${'jsonpath={range .items[*]}{.message}{"\\n"}{end}'}`).toMatch(new RegExp(`${name}.*${message.replaceAll(/[.[\]]/g, '\\$&')}`)));
    await rm(join(manifests, name));
  });

  it('ends nothing that ran before, until it is gone', async () => {
    const pid = await processOf('later');
    await put('zz.json', '{');
    await put('mended.json', manifest('mended', { mark: 'mended' }));
    await ready('mended-machine');
    expect(await processOf('later')).toBe(pid);
    await rm(join(manifests, 'zz.json'));
    await rm(join(manifests, 'mended.json'));
    await kubectl`wait pod/later-machine pod/mended-machine --for=delete --timeout=30s`;
    expect([...await processesOf('later'), ...await processesOf('mended')]).toEqual([]);
  });
});

describe('while there is no API server', () => {
  it('static pods go on over a new start of the agent, come and go with their files, and are shown when there is one again', async () => {
    const [before, pid] = [await ready('web-machine'), await processOf('web-two')];
    await put('goes.json', manifest('goes', { mark: 'goes' }));
    await ready('goes-machine');
    await stop('server');
    await stop('agent');
    await startAgent(/can't be reached/);
    await put('comes.json', manifest('comes', { mark: 'comes' }));
    const came = await processOf('comes');
    await rm(join(manifests, 'goes.json'));
    await eventually(async () => expect(await processesOf('goes')).toEqual([]));
    expect(await processOf('web-two')).toBe(pid);

    await startServer();
    const after = await ready('web-machine');
    expect(after.metadata?.uid).toBe(before.metadata?.uid);
    expect(after.status?.containerStatuses).toMatchObject([{ containerID: before.status?.containerStatuses?.[0]?.containerID, restartCount: 0 }]);
    expect((await ready('comes-machine')).status).toMatchObject({ podIP: expect.stringMatching(/^10\./) });
    await kubectl`wait pod/goes-machine --for=delete --timeout=30s`;
    expect([await processOf('comes'), await processOf('web-two')]).toEqual([came, pid]);
  });

  it('and all end with the directory', async () => {
    await rm(manifests, { recursive: true });
    await kubectl`wait pod/web-machine pod/comes-machine --for=delete --timeout=30s`;
    await eventually(async () => expect([...await processesOf('web-two'), ...await processesOf('comes')]).toEqual([]));
  });
});
