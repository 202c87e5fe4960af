import { isIPv4 } from 'node:net';
import { join } from 'node:path';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { WebSocket } from 'ws';
import { readKubeconfig } from '../../../client/kubeconfig.ts';
import { Pod, type Node } from '../../../machinery/kinds/core.ts';
import { patienceMs } from '../command.ts';
import { webImage } from '../coracle.ts';
import { pod, script } from '../manifests.ts';
import { usePods } from './pods.ts';

/** What Kubernetes' conformance list demands of pods that run; each title is an entry's. */
const pods = usePods('node-pods');
const { kubectl, namespace } = pods;

const running = script('exec sleep 1000');
const merge = 'application/merge-patch+json';

beforeAll(async () => {
  await kubectl.apply(
    ...['plain', 'counted', 'updated', 'visited', 'revisited'].map((name) => pod(name, { container: running })),
    pod('short', { labels: { time: 'short' }, container: running }),
    pod('alive', { container: script('echo container is alive; exec sleep 1000') }),
  );
});

/** All that the server says over a WebSocket, to its end. */
async function messagesOf(path: string, protocol: string): Promise<Buffer[]> {
  const { server, ca, cert, key } = await readKubeconfig(join(inject('cluster').dataDir, 'admin.kubeconfig'));
  const socket = new WebSocket(`${server.replace(/^http/, 'ws')}/api/v1/namespaces/${namespace}/pods/${path}`, [protocol], { ca, cert, key, handshakeTimeout: patienceMs });
  const messages: Buffer[] = [];
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`it has not ended within ${patienceMs} ms`)), patienceMs);
    socket.on('message', (message) => messages.push(Buffer.isBuffer(message) ? message : Buffer.concat([message].flat().map((part) => Buffer.from(part as ArrayBuffer)))));
    socket.on('error', reject).on('close', () => resolve(messages)).on('close', () => clearTimeout(late));
  });
}

describe('[sig-node] Pods', () => {
  it('Pods should get a host IP [NodeConformance]', async () => {
    const { status, spec } = await pods.ready('plain');
    expect(isIPv4(status?.hostIP ?? '')).toBe(true);
    const node = await kubectl.object<Node>`get node ${spec?.nodeName ?? ''} -o json`;
    expect(node.status?.addresses?.map(({ address }) => address)).toContain(status?.hostIP);
  });

  it('Pods should support remote command execution over websockets [NodeConformance]', async () => {
    await pods.ready('plain');
    const messages = await messagesOf('plain/exec?command=echo&command=remote%20execution%20test&container=main&stdout=1&stderr=1', 'channel.k8s.io');
    const spoken = messages.filter(({ length }) => length > 1);
    // The plain protocol says nothing of success: all is output, channel 1.
    expect(new Set(spoken.map(([channel]) => channel))).toEqual(new Set([1]));
    expect(Buffer.concat(spoken.map((message) => message.subarray(1))).toString()).toBe('remote execution test\n');
  });

  it('Pods should support retrieving logs from the container over websockets [NodeConformance]', async () => {
    await pods.ready('alive');
    expect(Buffer.concat(await messagesOf('alive/log?container=main', 'binary.k8s.io')).toString()).toBe('container is alive\n');
  });
});

const generations = ({ metadata, status }: Pod) => [metadata?.generation, status?.observedGeneration];

describe('[sig-node] A pod’s generation', () => {
  it('Pods Extended (pod generation) Pod Generation pod generation should start at 1 and increment per update [MinimumKubeletVersion:1.34]', async () => {
    const at = { namespace, name: 'counted' };
    expect(generations(await pods.ready('counted'))).toEqual([1, 1]);
    const changes: readonly (readonly [object, number])[] = [
      [{ spec: { activeDeadlineSeconds: 5000 } }, 2], [{ spec: { activeDeadlineSeconds: 4000 } }, 3], [{}, 3], [{ metadata: { labels: { changed: 'yes' } } }, 3],
      [{ spec: { tolerations: [{ key: 'a', operator: 'Exists' }] } }, 4], [{ spec: { containers: [{ name: 'main', image: `docker.io/${webImage}` }] } }, 5],
    ];
    for (const [change, generation] of changes) {
      const type = 'spec' in change ? 'application/strategic-merge-patch+json' : merge;
      expect((await pods.client.patch(Pod, at, type, change)).metadata?.generation).toBe(generation);
      await pods.until('counted', (each) => generations(each).every((number) => number === generation));
    }
  });

  it('Pods Extended (pod generation) Pod Generation issue 500 podspec updates and verify generation and observedGeneration eventually converge [MinimumKubeletVersion:1.34]', async () => {
    await pods.ready('updated');
    for (let update = 1; update < 500; update++) await pods.client.patch(Pod, { namespace, name: 'updated' }, merge, { spec: { activeDeadlineSeconds: 10_000 - update } });
    expect(generations(await pods.until('updated', (each) => generations(each)[1] === 500))).toEqual([500, 500]);
  }, 120_000);
});

const visitor = (name: string) => ({ name, image: webImage, ...script('echo polo; exec sleep 1000'), targetContainerName: 'main', stdin: true });
const runningVisitors = ({ status }: Pod) => status?.ephemeralContainerStatuses?.filter(({ state }) => state?.running !== undefined).map(({ name }) => name) ?? [];

async function visit(name: string, ...visitors: readonly string[]): Promise<void> {
  const change = { spec: { ephemeralContainers: visitors.map(visitor) } };
  const patched = await pods.client.patch(Pod, { namespace, name }, 'application/strategic-merge-patch+json', change, { subresource: 'ephemeralcontainers' });
  expect(patched.spec?.ephemeralContainers?.map((each) => each.name).toSorted()).toEqual([...visitors].toSorted());
  await pods.until(name, (each) => visitors.every((one) => runningVisitors(each).includes(one)));
}

describe('[sig-node] Ephemeral containers', () => {
  it('Ephemeral Containers [NodeConformance] will start an ephemeral container in an existing pod', async () => {
    await pods.ready('visited');
    await visit('visited', 'debugger');
    expect(await kubectl`logs visited -c debugger`).toBe('polo\n');
  });

  it('Ephemeral Containers [NodeConformance] should update the ephemeral containers in an existing pod', async () => {
    await pods.ready('revisited');
    await visit('revisited', 'debugger');
    await visit('revisited', 'debugger', 'debugger2');
    expect(runningVisitors(await pods.ready('revisited')).toSorted()).toEqual(['debugger', 'debugger2']);
  });
});

// Last: the pod has run for a while then.
describe('[sig-node] A pod’s deadline', () => {
  it('Pods should allow activeDeadlineSeconds to be updated [NodeConformance]', async () => {
    await pods.ready('short');
    expect(await kubectl`get pods -l time=short -o name`).toBe('pod/short\n');
    await pods.client.patch(Pod, { namespace, name: 'short' }, merge, { spec: { activeDeadlineSeconds: 3 } });
    const { status } = await pods.ended('short');
    expect(status).toMatchObject({ phase: 'Failed', reason: 'DeadlineExceeded' });
  });
});
