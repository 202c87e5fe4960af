import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ApiRequest } from '../client/transport.ts';
import type { KubernetesObject } from '../machinery/kinds/kind.ts';
import { startTestServer, type TestServer } from './test-server.ts';

/** Binding, eviction, scale, status and finalize: the writes that are not an update of the whole object. */

let test: TestServer;
const core = { group: '', version: 'v1' } as const;
const pods = { ...core, resource: 'pods', namespace: 'default' } as const;
const deployments = { group: 'apps', version: 'v1', resource: 'deployments', namespace: 'default' } as const;

beforeAll(async () => {
  test = await startTestServer();
  await ask({ ...core, verb: 'create', resource: 'serviceaccounts', namespace: 'default', body: { metadata: { name: 'default' } } });
});
afterAll(() => test.dispose());

function ask(request: ApiRequest): Promise<KubernetesObject> {
  return test.server.localTransport({ name: 'tester', groups: ['system:masters'] }).request(request);
}

function pod(name: string, more: object = {}): Promise<KubernetesObject> {
  return ask({ ...pods, verb: 'create', body: { metadata: { name }, spec: { containers: [{ name: 'c', image: 'x' }], ...more } } });
}

const bind = (name: string, target: object, metadata: object = {}) =>
  ask({ ...pods, verb: 'create', name, subresource: 'binding', body: { metadata: { name, ...metadata }, target } });

describe('binding', () => {
  it('gives a pod its node, once', async () => {
    await pod('b1');
    expect(await bind('b1', { kind: 'Node', name: 'n1' })).toMatchObject({ kind: 'Status', status: 'Success', code: 201 });
    expect(await ask({ ...pods, verb: 'get', name: 'b1' })).toMatchObject({
      spec: { nodeName: 'n1' }, status: { conditions: [{ type: 'PodScheduled', status: 'True' }] },
    });
    await expect(bind('b1', { kind: 'Node', name: 'n2' })).rejects.toMatchObject({
      code: 409, message: 'Operation cannot be fulfilled on pods/binding "b1": pod b1 is already assigned to node "n1"',
    });
  });

  it('refuses another target than a node, a pod that is gated, a pod of another uid, and one that isn\'t there', async () => {
    await pod('b2', { schedulingGates: [{ name: 'example.com/wait' }] });
    await expect(bind('b2', { kind: 'Service', name: 'x' })).rejects.toMatchObject({ code: 422 });
    await expect(bind('b2', { kind: 'Node' })).rejects.toMatchObject({ code: 422 });
    await expect(bind('b2', { kind: 'Node', name: 'n1' })).rejects.toMatchObject({ code: 409 });
    await pod('b3');
    await expect(bind('b3', { kind: 'Node', name: 'n1' }, { uid: 'other' })).rejects.toMatchObject({ code: 409 });
    await expect(bind('none', { kind: 'Node', name: 'n1' })).rejects.toMatchObject({ code: 404 });
    await expect(bind('b3', { kind: 'Node', name: 'n1' }, { name: 'b2' })).rejects.toMatchObject({ code: 400, message: 'name in URL does not match name in Binding object' });
  });

  it('lets exactly one of many schedulers win', async () => {
    await pod('b4');
    const outcomes = await Promise.allSettled(Array.from({ length: 8 }, (_, index) => bind('b4', { kind: 'Node', name: `n${index}` })));
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });
});

const evict = (name: string, deleteOptions: object = {}) =>
  ask({ ...pods, verb: 'create', name, subresource: 'eviction', body: { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name }, deleteOptions } });

describe('eviction', () => {
  it('deletes a pod', async () => {
    await pod('e1');
    expect(await evict('e1')).toMatchObject({ status: 'Success', code: 201 });
    await expect(ask({ ...pods, verb: 'get', name: 'e1' })).rejects.toMatchObject({ code: 404 });
  });

  it('waits for the node of a pod that runs, and heeds preconditions', async () => {
    await pod('e2', { nodeName: 'n1' });
    await expect(evict('e2', { preconditions: { uid: 'other' } })).rejects.toMatchObject({ code: 409 });
    await evict('e2');
    expect((await ask({ ...pods, verb: 'get', name: 'e2' })).metadata).toMatchObject({ deletionGracePeriodSeconds: 30 });
  });
});

/** A pod that runs, on a node that nobody plays. */
async function running(name: string, app: string, ready = true) {
  const made = await ask({ ...pods, verb: 'create', body: { metadata: { name, labels: { app } }, spec: { nodeName: 'n1', containers: [{ name: 'c', image: 'x' }] } } });
  const status = { phase: 'Running', qosClass: 'BestEffort', conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] };
  await ask({ ...pods, verb: 'update', name, subresource: 'status', body: { ...made, status } });
}

describe('a disruption budget', () => {
  const budgets = { group: 'policy', version: 'v1', resource: 'poddisruptionbudgets', namespace: 'default' } as const;

  async function budget(name: string, app: string, status: object, spec: object = {}) {
    const made = await ask({ ...budgets, verb: 'create', body: { metadata: { name }, spec: { minAvailable: 1, selector: { matchLabels: { app } }, ...spec } } });
    await ask({ ...budgets, verb: 'update', name, subresource: 'status', body: { ...made, status: { currentHealthy: 3, desiredHealthy: 1, expectedPods: 3, observedGeneration: 1, ...status } } });
  }

  const left = async (name: string) => Reflect.get(await ask({ ...budgets, verb: 'get', name }), 'status') as { disruptionsAllowed: number; disruptedPods: object };

  it('lets go as many pods as it has room for, however many ask at once', async () => {
    const names = Array.from({ length: 6 }, (_, index) => `crowd${index}`);
    await Promise.all(names.map((name) => running(name, 'crowd')));
    await budget('crowd', 'crowd', { disruptionsAllowed: 2 });
    const outcomes = await Promise.allSettled(names.map((name) => evict(name)));
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(2);
    const { disruptionsAllowed, disruptedPods } = await left('crowd');
    expect([disruptionsAllowed, Object.keys(disruptedPods).length]).toEqual([0, 2]);
    await expect(evict(names.find((_, index) => outcomes[index]?.status === 'rejected') ?? '')).rejects.toMatchObject({
      code: 429, message: "Cannot evict pod as it would violate the pod's disruption budget.",
      status: { details: { causes: [{ reason: 'DisruptionBudget', message: 'The disruption budget crowd needs 1 healthy pods and has 3 currently' }] } },
    });
  });

  it('marks whom it lets go', async () => {
    await running('marked', 'marked');
    await budget('marked', 'marked', { disruptionsAllowed: 1 });
    await evict('marked');
    expect(await ask({ ...pods, verb: 'get', name: 'marked' })).toMatchObject({ metadata: { deletionGracePeriodSeconds: 30 }, status: { conditions: [{ type: 'Ready' }, { type: 'DisruptionTarget', reason: 'EvictionByEvictionAPI' }] } });
  });

  it('waits for its controller, and doesn\'t count pods that are not ready when enough are', async () => {
    await running('new', 'new');
    await budget('new', 'new', { disruptionsAllowed: 1, observedGeneration: 0 });
    await expect(evict('new')).rejects.toMatchObject({ code: 429, status: { details: { retryAfterSeconds: 10, causes: [{ message: 'The disruption budget new is still being processed by the server.' }] } } });
    await running('ill', 'ill', false);
    await budget('ill', 'ill', { disruptionsAllowed: 0 });
    await evict('ill');
    expect((await left('ill')).disruptionsAllowed).toBe(0);
  });

  it('spends nothing on a dry run', async () => {
    await running('dry', 'dry');
    await budget('dry', 'dry', { disruptionsAllowed: 1 });
    await evict('dry', { dryRun: ['All'] });
    expect((await left('dry')).disruptionsAllowed).toBe(1);
  });

  it('is the only one of its pods', async () => {
    await running('both', 'both');
    await budget('both1', 'both', { disruptionsAllowed: 1 });
    await budget('both2', 'both', { disruptionsAllowed: 1 });
    await expect(evict('both')).rejects.toMatchObject({ code: 500, message: 'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.' });
  });
});

describe('parts of a pod', () => {
  const write = (name: string, subresource: string, body: object) => ask({ ...pods, verb: 'update', name, subresource, body });
  const withSpec = (object: KubernetesObject, change: object) => ({ ...object, spec: { ...(Reflect.get(object, 'spec') as object), ...change } });

  it('lets containers join it one by one, for good', async () => {
    const made = await pod('debugged');
    const joined = await write('debugged', 'ephemeralcontainers', withSpec(made, { nodeName: 'elsewhere', ephemeralContainers: [{ name: 'sh', image: 'busybox', targetContainerName: 'c' }] }));
    expect(joined).toMatchObject({ metadata: { generation: 2 }, spec: { ephemeralContainers: [{ name: 'sh', imagePullPolicy: 'Always', terminationMessagePolicy: 'File' }] } });
    expect(joined).not.toHaveProperty('spec.nodeName');
    await expect(write('debugged', 'ephemeralcontainers', withSpec(joined, { ephemeralContainers: [] }))).rejects.toMatchObject({ code: 422, message: expect.stringContaining('existing ephemeral containers "sh" may not be removed') as unknown });
    await expect(write('debugged', 'ephemeralcontainers', withSpec(joined, { ephemeralContainers: [{ name: 'c', image: 'x', ports: [{ containerPort: 1 }], targetContainerName: 'none' }] }))).rejects.toMatchObject({
      message: expect.stringContaining('spec.ephemeralContainers[0].name: Duplicate value: "c", spec.ephemeralContainers[0].targetContainerName: Not found: "none", spec.ephemeralContainers[0].ports: Forbidden: cannot be set for an Ephemeral Container') as unknown,
    });
    await ask({ ...pods, verb: 'patch', name: 'debugged', patchType: 'application/merge-patch+json', body: { metadata: { labels: { a: 'b' } } } });
    await expect(pod('early', { ephemeralContainers: [{ name: 'sh', image: 'x' }] })).rejects.toMatchObject({ message: 'Pod "early" is invalid: spec.ephemeralContainers: Forbidden: cannot be set on create' });
  });

  it('gives its containers more or less, in the same class of service', async () => {
    const container = (cpu: string, more: object = {}) => [{ name: 'c', image: 'x', resources: { requests: { cpu }, ...more } }];
    const made = await pod('sized', { containers: container('100m') });
    expect(await write('sized', 'resize', withSpec(made, { nodeName: 'elsewhere', containers: container('200m') }))).toMatchObject({ metadata: { generation: 2 }, spec: { containers: [{ resources: { requests: { cpu: '200m' } } }] } });
    const patched = (resources: object) => ask({ ...pods, verb: 'patch', name: 'sized', subresource: 'resize', patchType: 'application/strategic-merge-patch+json', body: { spec: { containers: [{ name: 'c', resources }] } } });
    expect(await patched({ requests: { memory: '1Mi' } })).toMatchObject({ spec: { containers: [{ resources: { requests: { cpu: '200m', memory: '1Mi' } } }] } });
    await expect(patched({ requests: { cpu: null, memory: null } })).rejects.toMatchObject({ code: 422, message: expect.stringContaining('Pod QOS Class may not change as a result of resizing') as unknown });
    await expect(patched({ requests: { 'example.com/gpu': '1' }, limits: { 'example.com/gpu': '1' } })).rejects.toMatchObject({ message: expect.stringContaining('only cpu and memory resources are mutable') as unknown });
  });
});

describe('scale and status', () => {
  const template = { metadata: { labels: { app: 'd' } }, spec: { containers: [{ name: 'c', image: 'x' }] } };
  const spec = { replicas: 2, selector: { matchLabels: { app: 'd' } }, template };

  it('reads and sets the one number', async () => {
    await ask({ ...deployments, verb: 'create', body: { metadata: { name: 'd' }, spec } });
    const scale = await ask({ ...deployments, verb: 'get', name: 'd', subresource: 'scale' });
    expect(scale).toMatchObject({ kind: 'Scale', apiVersion: 'autoscaling/v1', metadata: { name: 'd' }, spec: { replicas: 2 }, status: { replicas: 0, selector: 'app=d' } });
    const to = (replicas: number) => ask({ ...deployments, verb: 'update', name: 'd', subresource: 'scale', body: { ...scale, metadata: { name: 'd', namespace: 'default' }, spec: { replicas } } });
    expect(await to(5)).toMatchObject({ spec: { replicas: 5 } });
    expect(await ask({ ...deployments, verb: 'get', name: 'd' })).toMatchObject({ metadata: { generation: 2 }, spec: { replicas: 5 } });
    await expect(to(-1)).rejects.toMatchObject({ code: 422 });
    await expect(ask({ ...deployments, verb: 'update', name: 'd', subresource: 'scale', body: scale })).rejects.toMatchObject({ code: 409 });
    const patched = await ask({ ...deployments, verb: 'patch', name: 'd', subresource: 'scale', patchType: 'application/merge-patch+json', body: { spec: { replicas: 0 } } });
    expect(patched).toMatchObject({ spec: { replicas: 0 } });
  });

  it('changes a status alone, and a spec alone', async () => {
    await ask({ ...deployments, verb: 'create', body: { metadata: { name: 's' }, spec, status: { replicas: 9 } } });
    const created = await ask({ ...deployments, verb: 'get', name: 's' });
    expect(created).not.toMatchObject({ status: { replicas: 9 } });
    const updated = await ask({ ...deployments, verb: 'update', name: 's', subresource: 'status', body: { ...created, spec: { ...spec, replicas: 7 }, status: { replicas: 3 } } });
    expect(updated).toMatchObject({ metadata: { generation: 1 }, spec: { replicas: 2 }, status: { replicas: 3 } });
  });
});

describe('a namespace', () => {
  const namespaces = { ...core, resource: 'namespaces' } as const;

  it('terminates until its finalizers are gone', async () => {
    await ask({ ...namespaces, verb: 'create', body: { metadata: { name: 'ending' } } });
    const ending = await ask({ ...namespaces, verb: 'delete', name: 'ending' });
    expect(ending).toMatchObject({ kind: 'Namespace', status: { phase: 'Terminating' }, spec: { finalizers: ['kubernetes'] } });
    await expect(ask({ ...core, verb: 'create', resource: 'configmaps', namespace: 'ending', body: { metadata: { name: 'late' } } })).rejects.toMatchObject({ code: 403 });
    await ask({ ...namespaces, verb: 'update', name: 'ending', subresource: 'finalize', body: { ...ending, spec: {} } });
    await expect(ask({ ...namespaces, verb: 'get', name: 'ending' })).rejects.toMatchObject({ code: 404 });
  });

  it('must be there before its objects are', async () => {
    const creating = ask({ ...core, verb: 'create', resource: 'configmaps', namespace: 'nowhere', body: { metadata: { name: 'x' } } });
    await expect(creating).rejects.toMatchObject({ code: 404, message: 'namespaces "nowhere" not found' });
  });
});

describe('an object with finalizers', () => {
  const configMaps = { ...core, resource: 'configmaps', namespace: 'default' } as const;

  it('stays until the last one is taken off', async () => {
    await ask({ ...configMaps, verb: 'create', body: { metadata: { name: 'held', finalizers: ['example.com/hold'] } } });
    const lingering = await ask({ ...configMaps, verb: 'delete', name: 'held' });
    expect(lingering.metadata?.deletionTimestamp).toMatch(/Z$/);
    const release = { ...lingering, metadata: { ...lingering.metadata, finalizers: [] } };
    await ask({ ...configMaps, verb: 'update', name: 'held', body: release });
    await expect(ask({ ...configMaps, verb: 'get', name: 'held' })).rejects.toMatchObject({ code: 404 });
  });
});
