import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text as textOf } from 'node:stream/consumers';
import { beforeAll, describe, expect, it } from 'vitest';
import { Pod, ReplicationController, Service, ServiceAccount } from '../../machinery/kinds/core.ts';
import { eventually } from '../e2e/eventually.ts';
import { useCluster } from './cluster.ts';
import { unique } from './definitions.ts';

const cluster = useCluster('kubectl');
const image = 'registry.example/agnhost:2.53';
const otherImage = 'registry.example/busybox:1.37';

beforeAll(async () => {
  await eventually(() => cluster.client.get(ServiceAccount, { namespace: cluster.namespace, name: 'default' }));
});

const pod = (name: string, container = 'pause') => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name, labels: { name } }, spec: { containers: [{ name: container, image, ports: [{ containerPort: 80 }] }] } });

const controller = (name: string) => ({
  apiVersion: 'v1', kind: 'ReplicationController', metadata: { name, labels: { app: name, role: 'primary' } },
  spec: { replicas: 1, selector: { app: name, role: 'primary' }, template: { metadata: { labels: { app: name, role: 'primary' } }, spec: { containers: [{ name: 'agnhost-primary', image, ports: [{ name: 'agnhost-server', containerPort: 6379 }] }] } } },
});

const service = (name: string) => ({
  apiVersion: 'v1', kind: 'Service', metadata: { name, labels: { app: name, role: 'primary' } }, spec: { ports: [{ port: 6379, targetPort: 'agnhost-server' }], selector: { app: name, role: 'primary' } },
});

/** The controller's pod, which no node runs: its status says what an agent would. */
async function runningPodOf(name: string, podIP: string): Promise<string> {
  const { client, namespace } = cluster;
  const found = await eventually(async () => {
    const [first] = (await client.list(Pod, { namespace, labelSelector: `app=${name}` })).items;
    if (first?.metadata?.name === undefined) throw new Error('there is no pod yet');
    return first.metadata.name;
  });
  const containerStatuses = [{ name: 'agnhost-primary', image, imageID: '', ready: true, restartCount: 0, state: { running: { startedAt: '2026-01-01T00:00:00Z' } } }];
  await client.patch(Pod, { namespace, name: found }, 'application/strategic-merge-patch+json', { status: { phase: 'Running', podIP, podIPs: [{ ip: podIP }], conditions: [{ type: 'Ready', status: 'True' }], containerStatuses } }, { subresource: 'status' });
  return found;
}

/** Asks a proxy, by its port or its socket. */
function ask(where: { readonly port: number } | { readonly socketPath: string }, path: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', path, signal: AbortSignal.timeout(10_000), ...where }, (response) => {
      textOf(response).then((body) => resolve(JSON.parse(body)), reject);
    });
    asked.on('error', reject);
    asked.end();
  });
}

describe('[sig-cli]', () => {
  it('Kubectl client Kubectl api-versions should check if v1 is in available api versions', async () => {
    expect((await cluster.kubectl`api-versions`).split('\n')).toContain('v1');
  });

  it('Kubectl client Kubectl cluster-info should check if Kubernetes control plane services is included in cluster-info', async () => {
    // eslint-disable-next-line no-control-regex -- kubectl colours it
    const printed = (await cluster.kubectl`cluster-info`).replaceAll(/\u001B\[[\d;]*m/g, '');
    expect(printed).toMatch(/^Kubernetes control plane is running at https:\/\/\S+/);
  });

  it('Kubectl client Kubectl version should check is all data is printed', async () => {
    const { clientVersion, serverVersion } = await cluster.kubectl.object<Readonly<Record<string, unknown>>>`version -o json`;
    const said = expect.stringMatching(/./) as unknown;
    // Of the server the commit may be '': it runs from its source, wherever that came from.
    const all = { major: '1', minor: '36', gitVersion: expect.stringMatching(/^v1\.36\./) as unknown, gitCommit: expect.any(String) as unknown, gitTreeState: said, buildDate: said, goVersion: said, compiler: said, platform: said };
    expect(clientVersion).toMatchObject(all);
    expect(serverVersion).toMatchObject(all);
    expect(await cluster.kubectl`version`).toMatch(/^Client Version: v1\.36\.\d+\n[\s\S]*^Server Version: v1\.36\.\S+$/m);
  });

  it('Kubectl client Kubectl describe should check if kubectl describe prints relevant information for rc and pods', async () => {
    const { kubectl, namespace } = cluster;
    const name = unique('agnhost-primary');
    await kubectl.apply(controller(name));
    await kubectl.apply(service(name));
    const podName = await runningPodOf(name, '10.11.0.1');
    const printed = async (words: string, ...expected: readonly RegExp[]) => {
      const [kind = '', ...rest] = words.split(' ');
      const description = await kubectl`describe ${kind} ${rest.join(' ')}`;
      for (const pattern of expected) expect(description).toMatch(pattern);
    };
    await printed(`pod ${podName}`, new RegExp(`^Name: +${podName}$`, 'm'), new RegExp(`^Namespace: +${namespace}$`, 'm'), /^Labels: +app=/m, /role=primary/, /^Annotations:/m, /^Status: +Running$/m, /^IP: +10\.11\.0\.1$/m, new RegExp(`^Controlled By: +ReplicationController/${name}$`, 'm'), new RegExp(`Image: +${image}`), /State: +Running$/m, /^QoS Class: +BestEffort$/m);
    await printed(`rc ${name}`, new RegExp(`^Name: +${name}$`, 'm'), new RegExp(`^Namespace: +${namespace}$`, 'm'), /^Selector: +app=/m, /^Labels: +app=/m, /^Annotations:/m, /^Replicas: +1 current \/ 1 desired$/m, /^Pods Status: +1 Running \/ 0 Waiting \/ 0 Succeeded \/ 0 Failed$/m, /^Pod Template:$/m, new RegExp(`Image: +${image}`), /^Events:$/m);
    await printed(`service ${name}`, new RegExp(`^Name: +${name}$`, 'm'), new RegExp(`^Namespace: +${namespace}$`, 'm'), /^Labels: +app=/m, /^Annotations:/m, /^Selector: +app=.*,role=primary$/m, /^Type: +ClusterIP$/m, /^IP: +\d/m, /^Port: +<unset> +6379\/TCP$/m, /^Endpoints: +10\.11\.0\.1:6379$/m, /^Session Affinity: +None$/m);
    await printed(`namespace ${namespace}`, new RegExp(`^Name: +${namespace}$`, 'm'), /^Labels:/m, /^Annotations:/m, /^Status: +Active$/m, /^No resource quota/m, /^No LimitRange resource/m);
    const node = unique('node');
    await kubectl.apply({ apiVersion: 'v1', kind: 'Node', metadata: { name: node }, spec: { unschedulable: true } });
    const condition = { type: 'Ready', status: 'False', reason: 'Conformance', message: 'by a test' };
    await kubectl`patch node ${node} --subresource=status -p ${JSON.stringify({ status: { conditions: [condition], addresses: [{ type: 'Hostname', address: node }] } })}`;
    await printed(`node ${node}`, new RegExp(`^Name: +${node}$`, 'm'), /^Labels:/m, /^Annotations:/m, /^CreationTimestamp:/m, /^Conditions:$/m, /^Addresses:$/m, /^System Info:$/m, /^ *Kubelet Version:/m, /^Non-terminated Pods:/m);
    await kubectl`delete node ${node}`;
    await kubectl`delete rc,service ${name} --wait=false`;
  });

  it('Kubectl client Kubectl expose should create services for rc', async () => {
    const { kubectl, client, namespace } = cluster;
    const name = unique('agnhost-primary');
    await kubectl.apply(controller(name));
    await runningPodOf(name, '10.11.0.2');
    const validate = async (exposed: string, port: number) => {
      const { spec } = await client.get(Service, { namespace, name: exposed });
      expect(spec?.ports).toEqual([expect.objectContaining({ port, targetPort: 6379 })]);
      await eventually(async () => expect(await kubectl`get endpointslices -l ${`kubernetes.io/service-name=${exposed}`} -o ${'jsonpath={.items[*].endpoints[*].addresses[*]}:{.items[*].ports[*].port}'}`).toBe('10.11.0.2:6379'));
    };
    const first = unique('rm2');
    expect(await kubectl`expose rc ${name} --name=${first} --port=1234 --target-port=6379`).toBe(`service/${first} exposed\n`);
    await validate(first, 1234);
    const second = unique('rm3');
    expect(await kubectl`expose service ${first} --name=${second} --port=2345 --target-port=6379`).toBe(`service/${second} exposed\n`);
    await validate(second, 2345);
    await kubectl`delete service ${first} ${second}`;
    await kubectl`delete rc ${name} --wait=false`;
  });

  it('Kubectl client Kubectl label should update the label on a resource', async () => {
    const { kubectl } = cluster;
    const name = unique('pause');
    await kubectl.apply(pod(name));
    expect(await kubectl`label pods ${name} testing-label=testing-label-value`).toBe(`pod/${name} labeled\n`);
    expect(await kubectl`get pod ${name} -L testing-label`).toMatch(/TESTING-LABEL\n.*testing-label-value\n$/);
    expect(await kubectl`get pod -l testing-label=testing-label-value -o name`).toBe(`pod/${name}\n`);
    expect(await kubectl`label pods ${name} testing-label-`).toBe(`pod/${name} unlabeled\n`);
    expect(await kubectl`get pod ${name} -L testing-label`).not.toContain('testing-label-value');
    expect(await kubectl`get pod -l testing-label=testing-label-value -o name`).toBe('');
    await kubectl`delete pod ${name} --force --grace-period=0`;
  });

  it('Kubectl client Kubectl patch should add annotations for pods in rc', async () => {
    const { kubectl, client, namespace } = cluster;
    const name = unique('agnhost-primary');
    await kubectl.apply(controller(name));
    const podName = await runningPodOf(name, '10.11.0.3');
    expect(await kubectl`patch pod ${podName} -p ${'{"metadata":{"annotations":{"x":"y"}}}'}`).toBe(`pod/${podName} patched\n`);
    const { items } = await client.list(Pod, { namespace, labelSelector: `app=${name}` });
    expect(items.map(({ metadata }) => metadata?.annotations?.['x'])).toEqual(['y']);
    await client.delete(ReplicationController, { namespace, name }, { propagationPolicy: 'Background' });
  });

  it('Kubectl client Kubectl diff should check if kubectl diff finds a difference for Deployments', async () => {
    const { kubectl } = cluster;
    const name = unique('httpd-deployment');
    const deployment = (of: string) => ({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name }, spec: { replicas: 1, selector: { matchLabels: { app: name } }, template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'httpd', image: of }] } } } });
    await kubectl.apply(deployment(image));
    const { code, stdout } = await kubectl.with({ input: JSON.stringify(deployment(otherImage)) }).outcome`diff -f -`;
    expect(code).toBe(1);
    expect(stdout).toMatch(new RegExp(`^-.*image: ${image}$`, 'm'));
    expect(stdout).toMatch(new RegExp(`^\\+.*image: ${otherImage}$`, 'm'));
    await kubectl`delete deployment ${name} --wait=false`;
  });

  it('Kubectl client Kubectl server-side dry-run should check if kubectl can dry-run update Pods', async () => {
    const { kubectl } = cluster;
    const name = unique('e2e-test-httpd-pod');
    await kubectl`run ${name} --image=${image} --labels=run=${name}`;
    const change = JSON.stringify({ spec: { containers: [{ name, image: otherImage }] } });
    expect(await kubectl`patch pod ${name} -p ${change} --dry-run=server`).toContain(`pod/${name} patched`);
    expect(await kubectl`get pod ${name} -o ${'jsonpath={.spec.containers[*].image}'}`).toBe(image);
    await kubectl`delete pod ${name} --force --grace-period=0`;
  });

  it('Kubectl client Kubectl run pod should create a pod from an image when restart is Never', async () => {
    const { kubectl, client, namespace } = cluster;
    const name = unique('e2e-test-httpd-pod');
    expect(await kubectl`run ${name} --restart=Never --pod-running-timeout=2m0s --image=${image}`).toBe(`pod/${name} created\n`);
    const { spec } = await client.get(Pod, { namespace, name });
    expect(spec?.containers.map((container) => container.image)).toEqual([image]);
    expect(spec?.restartPolicy).toBe('Never');
    await kubectl`delete pod ${name} --force --grace-period=0`;
  });

  it('Kubectl client Kubectl replace should update a single-container pod\'s image', async () => {
    const { kubectl } = cluster;
    const name = unique('e2e-test-httpd-pod');
    await kubectl`run ${name} --image=${image} --labels=run=${name}`;
    const live = await kubectl`get pod ${name} -o json`;
    expect(live).toContain(image);
    const imageOf = () => kubectl`get pod ${name} -o ${'jsonpath={.spec.containers[*].image}'}`;
    expect(await kubectl.with({ input: live.replaceAll(image, otherImage) })`replace -f -`).toBe(`pod/${name} replaced\n`);
    expect(await imageOf()).toBe(otherImage);
    // By force it is another pod of that name.
    const uid = await kubectl`get pod ${name} -o ${'jsonpath={.metadata.uid}'}`;
    await kubectl.with({ input: live })`replace --force --grace-period=0 -f -`;
    expect(await imageOf()).toBe(image);
    expect(await kubectl`get pod ${name} -o ${'jsonpath={.metadata.uid}'}`).not.toBe(uid);
    await kubectl`delete pod ${name} --force --grace-period=0`;
  });

  it('Kubectl client Proxy server should support proxy with --port 0', async () => {
    await using proxy = cluster.kubectl.start`proxy -p 0 --disable-filter`;
    const [, port = ''] = await proxy.until(/^Starting to serve on 127\.0\.0\.1:(\d+)/m);
    expect(await ask({ port: Number(port) }, '/api/')).toMatchObject({ kind: 'APIVersions', versions: expect.arrayContaining(['v1']) as unknown });
  });

  it('Kubectl client Proxy server should support --unix-socket=/path', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'coracle-kubectl-proxy-'));
    await using ending = new AsyncDisposableStack();
    ending.defer(() => rm(directory, { recursive: true }));
    const socketPath = join(directory, 'test');
    const proxy = ending.use(cluster.kubectl.start`proxy --unix-socket=${socketPath}`);
    await proxy.until(/^Starting to serve on .*test$/m);
    expect(await ask({ socketPath }, '/api/')).toMatchObject({ kind: 'APIVersions', versions: expect.arrayContaining(['v1']) as unknown });
  });
});
