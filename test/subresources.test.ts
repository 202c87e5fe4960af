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
