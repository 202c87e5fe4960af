import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createClient, type Client } from '../client/client.ts';
import { createInformer, type Informer } from '../client/informer.ts';
import { addressKey } from '../client/informer-store.ts';
import { systemClock } from '../machinery/clock.ts';
import { ControllerRevision, DaemonSet, StatefulSet } from '../machinery/kinds/apps.ts';
import { Event, Node, PersistentVolumeClaim, Pod, ResourceQuota } from '../machinery/kinds/core.ts';
import type { Kind, KubernetesObject } from '../machinery/kinds/kind.ts';
import { isReady } from '../machinery/pod/readiness.ts';
import { mortalClient, runControllers } from './suites/mortal-controllers.ts';
import { startTestServer, type TestServer } from './test-server.ts';

/** StatefulSets and DaemonSets against a real API server, scheduler and agents played by the test: what needs claims, several nodes or a crash. */

const namespace = 'default';
const stopping = new AbortController();
/** Those that run while nothing else is said. */
const controllers = new AbortController();
const warnings: string[] = [];
let fixture: TestServer;
let client: Client;
const running: Promise<unknown>[] = [];
let informers: { readonly sets: Informer<StatefulSet>; readonly daemons: Informer<DaemonSet>; readonly pods: Informer<Pod>; readonly claims: Informer<PersistentVolumeClaim>; readonly events: Informer<Event> };

function watched<T extends KubernetesObject>(kind: Kind<T>): Informer<T> {
  const informer = createInformer<T>(client, kind, { clock: systemClock, freeze: true });
  running.push(informer.run(stopping.signal));
  return informer;
}

/** Resolves when all objects of an informer together are as wanted. */
async function until<T extends KubernetesObject>(informer: Informer<T>, condition: (objects: readonly T[]) => boolean): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  // Looks once a change is in.
  const end = informer.onChange(() => queueMicrotask(() => { if (condition(informer.list())) resolve(); }));
  const late = (): void => reject(new Error(`${informer.kind.plural} are not as wanted: ${inspect(informer.list().map(({ metadata }) => metadata?.name))}\n${warnings.join('\n')}`));
  const timeout = AbortSignal.timeout(10_000);
  timeout.addEventListener('abort', late, { once: true });
  try {
    if (!condition(informer.list())) await promise;
  } finally {
    timeout.removeEventListener('abort', late);
    end();
  }
}

async function seen<T extends KubernetesObject>(informer: Informer<T>, name: string, condition: (object: T | undefined) => boolean): Promise<T | undefined> {
  const key = addressKey(namespace, name);
  try {
    await informer.waitUntil(key, condition, AbortSignal.timeout(10_000));
  } catch (error) {
    throw new Error(`${key} is not as wanted: ${inspect(informer.get(key), { depth: 4 })}\n${warnings.join('\n')}`, { cause: error });
  }
  return informer.get(key);
}

const gone = (object: KubernetesObject | undefined): boolean => object === undefined;
const podsOf = (app: string): readonly Pod[] => informers.pods.list().filter(({ metadata }) => metadata?.labels?.['app'] === app && metadata.deletionTimestamp === undefined);
const namesOf = (objects: readonly KubernetesObject[]): readonly string[] => objects.map(({ metadata }) => metadata?.name ?? '').toSorted();
const template = (app: string, image: string) => ({ metadata: { labels: { app } }, spec: { containers: [{ name: 'c', image }] } });

type SetSpec = NonNullable<StatefulSet['spec']>;

function set(name: string, replicas: number, spec: Partial<SetSpec> = {}): StatefulSet {
  return { metadata: { name, namespace }, spec: { replicas, selector: { matchLabels: { app: name } }, template: template(name, 'a'), ...spec } };
}

function claimed(retention: SetSpec['persistentVolumeClaimRetentionPolicy'] = {}): Partial<SetSpec> {
  return {
    volumeClaimTemplates: [{ metadata: { name: 'data' }, spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } }],
    persistentVolumeClaimRetentionPolicy: retention,
  };
}

function daemons(name: string, spec: Partial<NonNullable<DaemonSet['spec']>> = {}): DaemonSet {
  return { metadata: { name, namespace }, spec: { selector: { matchLabels: { app: name } }, template: template(name, 'a'), ...spec } };
}

const ready = (replicas: number) => (object: StatefulSet | undefined): boolean => (
  object?.status?.readyReplicas === replicas && object.status.replicas === replicas && object.status.updatedReplicas === replicas && object.status.observedGeneration === object.metadata?.generation
);
const manned = (nodes: number) => (object: DaemonSet | undefined): boolean => (
  object?.status?.desiredNumberScheduled === nodes && object.status.numberAvailable === nodes && object.status.updatedNumberScheduled === nodes && object.status.observedGeneration === object.metadata?.generation
);
const patch = <T extends KubernetesObject>(kind: Kind<T>, name: string, body: object, subresource?: string) => (
  client.patch(kind, { namespace, name }, 'application/strategic-merge-patch+json', body, subresource === undefined ? {} : { subresource })
);
/** Changes an object and waits until the test sees that. */
async function change<T extends KubernetesObject>(informer: Informer<T>, name: string, body: object): Promise<void> {
  const { metadata } = await patch(informer.kind, name, body);
  await informer.waitForRevision(metadata?.resourceVersion ?? '', AbortSignal.timeout(10_000));
}

const scaleTo = (name: string, replicas: number) => change(informers.sets, name, { spec: { replicas } });
const withImage = (image: string) => ({ spec: { template: { spec: { containers: [{ name: 'c', image }] } } } });

/** Every pod becomes ready as soon as it is there: what an agent would say of it. */
function playAgents(): void {
  informers.pods.onChange((_before, pod) => {
    if (pod === undefined || isReady(pod) || pod.metadata?.deletionTimestamp !== undefined || pod.status?.phase === 'Failed') return;
    const now = new Date().toISOString().replace(/\.\d+/, '');
    // It may have been deleted meanwhile, as under a real agent.
    void patch(Pod, pod.metadata?.name ?? '', { status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: now }] } }, 'status').catch(() => undefined);
  });
}

/** A node that is ready, and says so once: none of these tests takes as long as its word counts. */
async function join(name: string, labels: Record<string, string>): Promise<void> {
  await client.create(Node, { metadata: { name, labels } });
  const now = new Date().toISOString().replace(/\.\d+/, '');
  const conditions = [{ type: 'Ready', status: 'True', reason: 'KubeletReady', lastHeartbeatTime: now, lastTransitionTime: now }];
  await client.patch(Node, { name }, 'application/strategic-merge-patch+json', { status: { conditions } }, { subresource: 'status' });
}

function warn(fields: object, message: string): void {
  warnings.push(`${message}: ${inspect(fields)}`);
}

beforeAll(async () => {
  fixture = await startTestServer();
  client = createClient(fixture.server.localTransport({ name: 'controllers', groups: ['system:masters'] }));
  informers = { sets: watched(StatefulSet), daemons: watched(DaemonSet), pods: watched(Pod), claims: watched(PersistentVolumeClaim), events: watched(Event) };
  await Promise.all(Object.values(informers).map((informer) => informer.waitForSync(AbortSignal.timeout(10_000))));
  playAgents();
  running.push(runControllers(fixture, client, AbortSignal.any([controllers.signal, stopping.signal]), warn));
});

afterAll(async () => {
  stopping.abort();
  await Promise.all(running);
  await fixture.dispose();
});

describe('the claims of a StatefulSet', () => {
  it('are made for each pod, and outlive pods and set', async () => {
    await client.create(StatefulSet, set('lasting', 2, claimed()));
    await seen(informers.sets, 'lasting', ready(2));
    expect(informers.pods.get('default/lasting-1')?.spec?.volumes?.[0]).toMatchObject({ name: 'data', persistentVolumeClaim: { claimName: 'data-lasting-1' } });
    const before = informers.claims.get('default/data-lasting-1')?.metadata?.uid;
    await scaleTo('lasting', 1);
    await seen(informers.sets, 'lasting', ready(1));
    await scaleTo('lasting', 2);
    await seen(informers.sets, 'lasting', ready(2));
    await client.delete(StatefulSet, { namespace, name: 'lasting' }, { propagationPolicy: 'Foreground' });
    await seen(informers.sets, 'lasting', gone);
    expect(informers.claims.get('default/data-lasting-1')?.metadata?.uid).toBe(before);
    expect(informers.claims.get('default/data-lasting-0')?.metadata?.labels).toEqual({ app: 'lasting' });
  });

  it('go when it shrinks, if it says so, and are made anew when it grows', async () => {
    await client.create(StatefulSet, set('shrinking', 2, claimed({ whenScaled: 'Delete' })));
    await seen(informers.sets, 'shrinking', ready(2));
    const kept = informers.claims.get('default/data-shrinking-0')?.metadata?.uid;
    const lost = informers.claims.get('default/data-shrinking-1')?.metadata?.uid;
    await scaleTo('shrinking', 1);
    await seen(informers.claims, 'data-shrinking-1', gone);
    await scaleTo('shrinking', 2);
    await seen(informers.sets, 'shrinking', ready(2));
    expect(informers.claims.get('default/data-shrinking-0')?.metadata?.uid).toBe(kept);
    expect((await seen(informers.claims, 'data-shrinking-1', (claim) => claim !== undefined))?.metadata?.uid).not.toBe(lost);
    await client.delete(StatefulSet, { namespace, name: 'shrinking' });
  });

  it('go with it, if it says so, also when it says so later', async () => {
    await client.create(StatefulSet, set('leaving', 1, claimed()));
    await seen(informers.sets, 'leaving', ready(1));
    await change(informers.sets, 'leaving', { spec: { persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Delete' } } });
    await seen(informers.claims, 'data-leaving-0', (claim) => claim?.metadata?.ownerReferences?.[0]?.kind === 'StatefulSet');
    await client.delete(StatefulSet, { namespace, name: 'leaving' });
    await seen(informers.claims, 'data-leaving-0', gone);
  });
});

describe('a StatefulSet', () => {
  it('says why it can make no pods, and goes on when it can', async () => {
    await client.create(ResourceQuota, { metadata: { name: 'none', namespace }, spec: { hard: { pods: '0' } } });
    await client.create(StatefulSet, set('refused', 1, { podManagementPolicy: 'Parallel' }));
    await until(informers.events, (events) => events.some(({ reason, message = '' }) => reason === 'FailedCreate' && message.startsWith('create Pod refused-0 in StatefulSet refused failed error: pods "refused-0" is forbidden: exceeded quota')));
    expect((await seen(informers.sets, 'refused', (object) => object?.status?.updateRevision !== undefined))?.status).toMatchObject({ replicas: 0, observedGeneration: 1 });
    await client.delete(ResourceQuota, { namespace, name: 'none' });
    await seen(informers.sets, 'refused', ready(1));
    await client.delete(StatefulSet, { namespace, name: 'refused' });
    expect(warnings.filter((text) => !text.includes('exceeded quota'))).toEqual([]);
    warnings.length = 0;
  });
});

describe('a DaemonSet', () => {
  it('has one pod for each node, whatever nodes come and go', async () => {
    for (const name of ['n1', 'n2', 'n3']) await join(name, { disk: name === 'n3' ? 'slow' : 'fast' });
    await client.create(DaemonSet, daemons('agent'));
    await seen(informers.daemons, 'agent', manned(3));
    await join('n4', {});
    await seen(informers.daemons, 'agent', manned(4));
    await client.delete(Node, { name: 'n4' });
    await until(informers.pods, () => podsOf('agent').length === 3);
    await seen(informers.daemons, 'agent', manned(3));
  });

  it('moves to a new template, to other nodes, and back', async () => {
    await change(informers.daemons, 'agent', withImage('b'));
    await seen(informers.daemons, 'agent', manned(3));
    expect(podsOf('agent').map(({ spec }) => spec?.containers[0]?.image)).toEqual(['b', 'b', 'b']);
    await change(informers.daemons, 'agent', { spec: { template: { spec: { nodeSelector: { disk: 'fast' } } } } });
    await seen(informers.daemons, 'agent', manned(2));
    await change(informers.daemons, 'agent', { spec: { template: { spec: { nodeSelector: null } } } });
    await seen(informers.daemons, 'agent', manned(3));
    const { items } = await client.list(ControllerRevision, { namespace, labelSelector: 'app=agent' });
    expect(items.map(({ revision }) => revision).toSorted()).toEqual([1, 3, 4]);
  });

  it('replaces failed pods', async () => {
    const [victim] = podsOf('agent');
    await patch(Pod, victim?.metadata?.name ?? '', { status: { phase: 'Failed' } }, 'status');
    await seen(informers.pods, victim?.metadata?.name ?? '', gone);
    await until(informers.pods, () => podsOf('agent').length === 3);
    await seen(informers.daemons, 'agent', manned(3));
  });

  it('takes its pods and history along', async () => {
    await client.delete(DaemonSet, { namespace, name: 'agent' }, { propagationPolicy: 'Foreground' });
    await seen(informers.daemons, 'agent', gone);
    expect(podsOf('agent')).toEqual([]);
    expect((await client.list(ControllerRevision, { namespace, labelSelector: 'app=agent' })).items).toEqual([]);
  });
});

describe('controllers that are killed in the middle', () => {
  it('are carried on by the next ones, wherever the others died', async () => {
    controllers.abort();
    await client.create(StatefulSet, set('ordered', 3));
    await client.create(StatefulSet, set('burst', 3, { podManagementPolicy: 'Parallel' }));
    await client.create(DaemonSet, daemons('everywhere'));
    const generations = async (image: string): Promise<void> => {
      await Promise.all([change(informers.sets, 'ordered', withImage(image)), change(informers.sets, 'burst', withImage(image)), change(informers.daemons, 'everywhere', withImage(image))]);
    };
    for (const lifetime of [1, 2, 3, 4, 5, 7, 11]) {
      const killed = new AbortController();
      const { client: as, died } = mortalClient(fixture, ['pods', 'controllerrevisions', 'statefulsets', 'daemonsets'], lifetime);
      // They complain of being killed, as they should.
      const run = runControllers(fixture, as, killed.signal, () => undefined);
      await died;
      killed.abort();
      await run;
      await generations(`image-${lifetime}`);
    }
    running.push(runControllers(fixture, client, stopping.signal, warn));
    await Promise.all([seen(informers.sets, 'ordered', ready(3)), seen(informers.sets, 'burst', ready(3)), seen(informers.daemons, 'everywhere', manned(3))]);
    expect(namesOf([...podsOf('ordered'), ...podsOf('burst')])).toEqual(['burst-0', 'burst-1', 'burst-2', 'ordered-0', 'ordered-1', 'ordered-2']);
    expect(podsOf('everywhere')).toHaveLength(3);
    expect(new Set([...podsOf('ordered'), ...podsOf('burst'), ...podsOf('everywhere')].map(({ spec }) => spec?.containers[0]?.image))).toEqual(new Set(['image-11']));
    for (const app of ['ordered', 'burst', 'everywhere']) {
      const numbers = (await client.list(ControllerRevision, { namespace, labelSelector: `app=${app}` })).items.map(({ revision }) => revision);
      expect(new Set(numbers).size).toBe(numbers.length);
    }
    expect(warnings).toEqual([]);
  });
});
