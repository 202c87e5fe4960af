import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createClient, type Client } from '../client/client.ts';
import { createInformer, type Informer } from '../client/informer.ts';
import { addressKey } from '../client/informer-store.ts';
import { createControllers } from '../controller/all.ts';
import { systemClock } from '../machinery/clock.ts';
import { Deployment, ReplicaSet } from '../machinery/kinds/apps.ts';
import { ConfigMap, Event, Namespace, Node, Pod, Secret, ServiceAccount } from '../machinery/kinds/core.ts';
import { CustomResourceDefinition } from '../machinery/kinds/apiextensions.ts';
import { defineKind, type Kind, type KubernetesObject } from '../machinery/kinds/kind.ts';
import { isReady } from '../machinery/pod/readiness.ts';
import { startTestServer, type TestServer } from './test-server.ts';

/** The controllers' shells against a real API server. Nodes and their agents are played by the test. */

const namespace = 'default';
const stopping = new AbortController();
let fixture: TestServer;
let client: Client;
let running: Promise<unknown>[] = [];
/** What the controllers warned of: nothing here is out of the ordinary. */
const warnings: string[] = [];
const informers = new Map<Kind<never>, Informer<never>>();

function informer<T extends KubernetesObject>(kind: Kind<T>): Informer<T> {
  const known = informers.get(kind as Kind<never>);
  if (known !== undefined) return known as unknown as Informer<T>;
  const made = createInformer<T>(client, kind, { clock: systemClock, freeze: true });
  informers.set(kind as Kind<never>, made as unknown as Informer<never>);
  running.push(made.run(stopping.signal));
  return made;
}

/** Resolves with the object once it is as wanted; the failure says how it was at the end. */
async function seen<T extends KubernetesObject>(kind: Kind<T>, name: string, condition: (object: T | undefined) => boolean, at: string | undefined = namespace): Promise<T | undefined> {
  const key = addressKey(kind.scope === 'Cluster' ? undefined : at, name);
  try {
    await informer(kind).waitUntil(key, condition, AbortSignal.timeout(10_000));
  } catch (error) {
    throw new Error(`${kind.kind} ${key} is not as wanted: ${JSON.stringify(informer(kind).get(key))}`, { cause: error });
  }
  return informer(kind).get(key);
}

/** Resolves when all objects together are as wanted. */
function all<T extends KubernetesObject>(kind: Kind<T>, condition: (objects: readonly T[]) => boolean): Promise<void> {
  const source = informer(kind);
  return new Promise((resolve, reject) => {
    const timeout = AbortSignal.timeout(10_000);
    // Looks once a change is in; `end` exists by then.
    const look = (): void => {
      if (!source.synced || !condition(source.list())) return;
      queueMicrotask(() => end());
      resolve();
    };
    const end = source.onChange(() => queueMicrotask(look));
    timeout.addEventListener('abort', () => reject(new Error(`${kind.plural} are not as wanted: ${source.list().map((object) => object.metadata?.name).join(', ')}`)), { once: true });
    void source.waitForSync(timeout).then(look, reject);
  });
}

/** Resolves when an object of that name goes from now on: asked before it is made, it misses nothing. */
function departure(kind: Kind, name: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const timeout = AbortSignal.timeout(10_000);
    const end = informer(kind).onChange((before, after) => {
      if (after !== undefined || before?.metadata?.name !== name) return;
      queueMicrotask(() => end());
      resolve();
    });
    timeout.addEventListener('abort', () => reject(new Error(`${kind.kind} ${name} has not gone`)), { once: true });
  });
}

const gone = (object: KubernetesObject | undefined): boolean => object === undefined;
const podsOf = (app: string) => (pods: readonly Pod[]): readonly Pod[] => pods.filter((pod) => pod.metadata?.labels?.['app'] === app && pod.metadata.deletionTimestamp === undefined);

function deployment(name: string, replicas: number, image = 'a'): Deployment {
  return {
    metadata: { name, namespace },
    spec: { replicas, selector: { matchLabels: { app: name } }, template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'c', image }] } } },
  };
}

const firstScaling = /^Scaled up replica set web-\w+ from 0 to 3$/;

/** Is the rollout of this revision done? */
const complete = (revision: string, replicas: number) => (object: Deployment | undefined): boolean => (
  object?.metadata?.annotations?.['deployment.kubernetes.io/revision'] === revision && object.status?.updatedReplicas === replicas
  && object.status.replicas === replicas && object.status.availableReplicas === replicas && object.status.observedGeneration === object.metadata.generation
);

/** Every pod becomes ready as soon as it is there: what an agent would say of it. */
function playAgents(): void {
  informer(Pod).onChange((_before, pod) => {
    if (pod === undefined || isReady(pod) || pod.metadata?.deletionTimestamp !== undefined || pod.metadata?.labels?.['app'] === undefined) return;
    const now = new Date().toISOString().replace(/\.\d+/, '');
    const body = { status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: now }] } };
    // It may have been deleted meanwhile, as under a real agent.
    void client.patch(Pod, { namespace, name: pod.metadata.name ?? '' }, 'application/merge-patch+json', body, { subresource: 'status' }).catch(() => undefined);
  });
}

function warn(fields: object, message: string): void {
  warnings.push(`${message}: ${inspect(fields)}`);
}

beforeAll(async () => {
  fixture = await startTestServer();
  client = createClient(fixture.server.localTransport({ name: 'controllers', groups: ['system:masters'] }));
  const log = { debug: () => undefined, info: () => undefined, warn: warn, error: warn };
  const controllers = createControllers({ client, clock: systemClock, kinds: fixture.server.kinds, extensionKinds: fixture.server.extensionKinds, rootCaPem: 'CA', signToken: fixture.server.signToken, clusterCidr: '10.244.0.0/16', nodes: { graceMs: 1000 }, freeze: true, log });
  running = [controllers.run(stopping.signal)];
  playAgents();
  await informer(Event).waitForSync(AbortSignal.timeout(10_000));
});

afterAll(async () => {
  stopping.abort();
  await Promise.all(running);
  await fixture.dispose();
});

describe('controllers', () => {
  it('give every namespace an account and the root certificate', async () => {
    await seen(ServiceAccount, 'default', (account) => account !== undefined);
    expect((await seen(ConfigMap, 'kube-root-ca.crt', (map) => map !== undefined))?.data).toEqual({ 'ca.crt': 'CA' });
  });

  it('fill a Secret that asks for an account\'s token, by which the account is let in until one of them goes', async () => {
    const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'robot' } };
    const secretOf = (name: string, more: object = {}) => ({
      apiVersion: 'v1', kind: 'Secret', type: 'kubernetes.io/service-account-token', metadata: { name, annotations: { 'kubernetes.io/service-account.name': 'robot', ...more } },
    });
    const apply = (object: object) => fixture.kubectlWith(JSON.stringify(object), 'apply', '-f', '-');
    const filled = (secret: Secret | undefined): boolean => (secret?.data?.['token'] ?? '') !== '';
    const authority = join(fixture.dataDir, 'ca.pem');
    await writeFile(authority, fixture.server.caPem);
    const whoami = (token: string) => fixture.kubectl('auth', 'whoami', '-o', 'jsonpath={.status.userInfo.username}', '--kubeconfig', '/dev/null', '--server', fixture.server.url, '--certificate-authority', authority, '--token', token);
    const tokenOf = async (name: string): Promise<string> => Buffer.from((await fixture.kubectl('get', 'secret', name, '-o', 'jsonpath={.data.token}')).out, 'base64').toString();

    await apply(account);
    const { metadata } = await client.get(ServiceAccount, { namespace, name: 'robot' });
    await apply(secretOf('robot-token'));
    await apply(secretOf('robot-other'));
    const secret = await seen(Secret, 'robot-token', filled);
    await seen(Secret, 'robot-other', filled);
    expect(secret?.data).toMatchObject({ 'ca.crt': Buffer.from('CA').toString('base64'), namespace: Buffer.from(namespace).toString('base64') });
    expect(secret?.metadata?.annotations?.['kubernetes.io/service-account.uid']).toBe(metadata?.uid);
    const [token, other] = [await tokenOf('robot-token'), await tokenOf('robot-other')];
    expect((await whoami(token)).out).toBe('system:serviceaccount:default:robot');
    await seen(Secret, 'robot-token', (used) => /^\d{4}-\d{2}-\d{2}$/.test(used?.metadata?.labels?.['kubernetes.io/legacy-token-last-used'] ?? ''));

    await client.delete(Secret, { namespace, name: 'robot-token' });
    await seen(Secret, 'robot-token', gone);
    expect((await whoami(token)).code).toBe(1);
    expect((await whoami(other)).out).toBe('system:serviceaccount:default:robot');

    await apply(secretOf('robot-of-another', { 'kubernetes.io/service-account.uid': 'another' }));
    expect((await fixture.kubectl('wait', '--for=delete', 'secret/robot-of-another', '--timeout=10s')).code).toBe(0);
    await client.delete(ServiceAccount, { namespace, name: 'robot' });
    await seen(Secret, 'robot-other', gone);
    expect((await whoami(other)).code).toBe(1);
  });

  it('roll a deployment out, to a new template and back, and scale it', async () => {
    await client.create(Deployment, deployment('web', 3));
    const first = await seen(Deployment, 'web', complete('1', 3));
    expect(first?.status?.conditions?.map(({ type, status, reason }) => [type, status, reason])).toEqual([
      ['Available', 'True', 'MinimumReplicasAvailable'], ['Progressing', 'True', 'NewReplicaSetAvailable'],
    ]);
    const patch = (body: object) => client.patch(Deployment, { namespace, name: 'web' }, 'application/strategic-merge-patch+json', body);
    await patch({ spec: { template: { spec: { containers: [{ name: 'c', image: 'b' }] } } } });
    await seen(Deployment, 'web', complete('2', 3));
    await patch({ spec: { template: { spec: { containers: [{ name: 'c', image: 'a' }] } } } });
    await seen(Deployment, 'web', complete('3', 3));
    await patch({ spec: { replicas: 5 } });
    await seen(Deployment, 'web', complete('3', 5));
    expect(podsOf('web')(informer(Pod).list())).toHaveLength(5);
    await all(Event, (events) => events.some(({ involvedObject, message }) => involvedObject.kind === 'Deployment' && firstScaling.test(message ?? '')));
  });

  it('replace a pod that is deleted', async () => {
    const [victim] = podsOf('web')(informer(Pod).list());
    await client.delete(Pod, { namespace, name: victim?.metadata?.name ?? '' });
    await all(Pod, (pods) => podsOf('web')(pods).length === 5 && podsOf('web')(pods).every((pod) => pod.metadata?.uid !== victim?.metadata?.uid));
  });

  it('delete what a deleted deployment owned', async () => {
    await client.delete(Deployment, { namespace, name: 'web' }, { propagationPolicy: 'Background' });
    await all(Pod, (pods) => podsOf('web')(pods).length === 0);
    await all(ReplicaSet, (sets) => sets.length === 0);
  });

  it('delete what it owned first, when told to', async () => {
    await client.create(Deployment, deployment('front', 2));
    await seen(Deployment, 'front', (object) => object?.status?.availableReplicas === 2);
    await client.delete(Deployment, { namespace, name: 'front' }, { propagationPolicy: 'Foreground' });
    await seen(Deployment, 'front', gone);
    expect((await client.list(Pod, { namespace, labelSelector: 'app=front' })).items).toEqual([]);
    expect((await client.list(ReplicaSet, { namespace })).items).toEqual([]);
  });

  it('leave what it owned, when told to, and take it up again', async () => {
    await client.create(Deployment, deployment('kept', 2));
    await seen(Deployment, 'kept', (object) => object?.status?.availableReplicas === 2);
    await client.delete(Deployment, { namespace, name: 'kept' }, { propagationPolicy: 'Orphan' });
    await seen(Deployment, 'kept', gone);
    await all(ReplicaSet, (sets) => sets.length === 1 && (sets[0]?.metadata?.ownerReferences ?? []).length === 0);
    const before = podsOf('kept')(informer(Pod).list()).map((pod) => pod.metadata?.uid).toSorted();
    await client.create(Deployment, deployment('kept', 2));
    await seen(Deployment, 'kept', (object) => object?.status?.availableReplicas === 2);
    expect(podsOf('kept')(informer(Pod).list()).map((pod) => pod.metadata?.uid).toSorted()).toEqual(before);
    await client.delete(Deployment, { namespace, name: 'kept' });
    await all(ReplicaSet, (sets) => sets.length === 0);
  });

  it('delete by owners that are named as they are served, and leave alone what names a kind that is not', async () => {
    const owner = await client.create(ConfigMap, { metadata: { name: 'owner', namespace } });
    const uid = owner.metadata?.uid ?? '';
    const absent = { apiVersion: 'v1', kind: 'ConfigMap', name: 'absent', uid: 'absent' };
    const owned = (name: string, ...ownerReferences: readonly { apiVersion: string; kind: string; name: string; uid: string }[]) => (
      client.create(ConfigMap, { metadata: { name, namespace, ownerReferences } })
    );
    const kept = {
      'by-version': [{ ...absent, apiVersion: 'v9' }, absent], 'by-kind': [absent, { ...absent, apiVersion: 'apps/v1', kind: 'Lamp' }],
      'by-group': [{ ...absent, apiVersion: 'nobody.example/v1' }], 'by-owner': [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'owner', uid }],
    };
    for (const [name, references] of Object.entries(kept)) await owned(name, ...references);
    const doomed = {
      'by-name': { apiVersion: 'v1', kind: 'ConfigMap', name: 'other', uid }, 'by-other-kind': { apiVersion: 'v1', kind: 'Secret', name: 'owner', uid },
      'by-served-version': { apiVersion: 'autoscaling/v1', kind: 'HorizontalPodAutoscaler', name: 'absent', uid: 'absent' }, 'by-absence': absent,
    };
    for (const [name, reference] of Object.entries(doomed)) {
      const departed = departure(ConfigMap, name);
      await owned(name, reference);
      await departed;
    }
    for (const [name, references] of Object.entries(kept)) expect((await client.get(ConfigMap, { namespace, name })).metadata?.ownerReferences).toEqual(references);
  });

  it('let kubectl follow a rollout, look back and go back', async () => {
    const manifest = JSON.stringify({ apiVersion: 'apps/v1', kind: 'Deployment', ...deployment('shop', 2) });
    expect((await fixture.kubectlWith(manifest, 'create', '--validate=false', '-f', '-')).code).toBe(0);
    const status = await fixture.kubectl('rollout', 'status', 'deployment/shop', '--timeout=10s');
    expect(status.out).toContain('deployment "shop" successfully rolled out');
    expect((await fixture.kubectl('set', 'image', 'deployment/shop', 'c=b')).code).toBe(0);
    expect((await fixture.kubectl('rollout', 'status', 'deployment/shop', '--timeout=10s')).code).toBe(0);
    const history = await fixture.kubectl('rollout', 'history', 'deployment/shop');
    expect(history.out).toMatch(/REVISION\s+CHANGE-CAUSE\n1\s+<none>\n2\s+<none>/);
    expect((await fixture.kubectl('rollout', 'undo', 'deployment/shop')).out).toBe('deployment.apps/shop rolled back\n');
    expect((await fixture.kubectl('rollout', 'status', 'deployment/shop', '--timeout=10s')).code).toBe(0);
    expect((await fixture.kubectl('get', 'deployment', 'shop', '-o', 'jsonpath={.spec.template.spec.containers[0].image}')).out).toBe('a');
    expect((await fixture.kubectl('rollout', 'history', 'deployment/shop')).out).toMatch(/\n2\s+<none>\n3\s+<none>/);
    const paused = await fixture.kubectl('rollout', 'pause', 'deployment/shop');
    expect(paused.out).toBe('deployment.apps/shop paused\n');
    await seen(Deployment, 'shop', (object) => object?.status?.conditions?.some(({ reason }) => reason === 'DeploymentPaused') === true);
    expect((await fixture.kubectl('rollout', 'resume', 'deployment/shop')).code).toBe(0);
    expect((await fixture.kubectl('rollout', 'restart', 'deployment/shop')).code).toBe(0);
    expect((await fixture.kubectl('rollout', 'status', 'deployment/shop', '--timeout=10s')).code).toBe(0);
    expect((await fixture.kubectl('delete', 'deployment', 'shop', '--cascade=foreground')).code).toBe(0);
  });

  it('empty a namespace that is deleted, and let it go', async () => {
    await client.create(Namespace, { metadata: { name: 'brief' } });
    await seen(ServiceAccount, 'default', (account) => account !== undefined, 'brief');
    await client.create(ConfigMap, { metadata: { name: 'mine', namespace: 'brief' } });
    await client.create(Deployment, { ...deployment('web', 2), metadata: { name: 'web', namespace: 'brief' } });
    await all(Pod, (pods) => pods.filter((pod) => pod.metadata?.namespace === 'brief').length === 2);
    await client.delete(Namespace, { name: 'brief' });
    await seen(Namespace, 'brief', gone);
    expect((await client.list(Pod, { namespace: 'brief' })).items).toEqual([]);
  });

  it('give a node its range, and taint it when it falls silent', async () => {
    const names = ['n1', 'n2'];
    for (const name of names) await client.create(Node, { metadata: { name } });
    const ranges = await Promise.all(names.map((name) => seen(Node, name, (node) => node?.spec?.podCIDR !== undefined)));
    expect(new Set(ranges.map((node) => node?.spec?.podCIDR))).toEqual(new Set(['10.244.0.0/24', '10.244.1.0/24']));
    const silent = await seen(Node, 'n1', (node) => (node?.spec?.taints ?? []).some(({ key }) => key === 'node.kubernetes.io/unreachable'));
    expect(silent?.status?.conditions?.find(({ type }) => type === 'Ready')).toMatchObject({ status: 'Unknown', reason: 'NodeStatusNeverUpdated' });
    // No node is ready: nobody is driven off.
    expect(silent?.spec?.taints?.map(({ effect }) => effect)).toEqual(['NoSchedule']);
  });

  it('drive pods off a silent node once another node lives', async () => {
    const unreachable = { key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute' };
    for (const [name, tolerationSeconds] of [['leaves', 0], ['stays', 600]] as const) {
      const spec = { nodeName: 'n1', containers: [{ name: 'c', image: 'a' }], tolerations: [{ ...unreachable, tolerationSeconds }] };
      await client.create(Pod, { metadata: { name, namespace }, spec });
    }
    const alive = { type: 'Ready', status: 'True', reason: 'KubeletReady', lastHeartbeatTime: new Date().toISOString().replace(/\.\d+/, '') };
    await client.patch(Node, { name: 'n2' }, 'application/strategic-merge-patch+json', { status: { conditions: [alive] } }, { subresource: 'status' });
    const leaving = await seen(Pod, 'leaves', (pod) => pod?.metadata?.deletionTimestamp !== undefined);
    expect(leaving?.status?.conditions?.find(({ type }) => type === 'DisruptionTarget')).toMatchObject({ status: 'True', reason: 'DeletionByTaintManager' });
    expect(informer(Pod).get('default/stays')?.metadata?.deletionTimestamp).toBeUndefined();
    await seen(Node, 'n2', (node) => (node?.spec?.taints ?? []).every(({ effect }) => effect !== 'NoExecute'));
  });

  it('say why pods cannot be made, and go on when they can', async () => {
    const wish = deployment('picky', 2);
    const spec = { ...wish.spec?.template.spec, serviceAccountName: 'absent', containers: [{ name: 'c', image: 'a' }] };
    expect(warnings).toEqual([]);
    await client.create(Deployment, { ...wish, spec: { replicas: 2, selector: { matchLabels: { app: 'picky' } }, template: { ...wish.spec?.template, spec } } });
    const failing = await seen(Deployment, 'picky', (object) => object?.status?.conditions?.some(({ type }) => type === 'ReplicaFailure') === true);
    expect(failing?.status?.conditions?.find(({ type }) => type === 'ReplicaFailure')).toMatchObject({ status: 'True', reason: 'FailedCreate', message: expect.stringContaining('absent') });
    await client.create(ServiceAccount, { metadata: { name: 'absent', namespace } });
    const made = await seen(Deployment, 'picky', (object) => object?.status?.availableReplicas === 2 && object.status.conditions?.every(({ type }) => type !== 'ReplicaFailure') === true);
    expect(made?.status?.updatedReplicas).toBe(2);
    await client.delete(Deployment, { namespace, name: 'picky' });
    await seen(Deployment, 'picky', gone);
    // All of them were of this one cause.
    expect(warnings.filter((text) => !text.includes('service account') && !text.includes('serviceaccount'))).toEqual([]);
    warnings.length = 0;
  });

  it('have met no failure in all this', () => {
    expect(warnings).toEqual([]);
  });
});

describe('objects of kinds that users define', () => {
  const Lamp = defineKind('light.example', 'v1', 'Lamp', 'lamps');
  const definition = {
    apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: 'lamps.light.example' },
    spec: { group: 'light.example', scope: 'Namespaced', names: { plural: 'lamps', kind: 'Lamp' }, versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }] },
  };

  it('go with their owners and their namespaces, and with their definition', async () => {
    const ofNobody = { apiVersion: 'light.example/v1', kind: 'Lamp', name: 'never', uid: 'never' };
    const early = departure(ConfigMap, 'early');
    await client.create(ConfigMap, { metadata: { name: 'early', namespace, ownerReferences: [ofNobody] } });
    await client.create(CustomResourceDefinition, definition as unknown as CustomResourceDefinition);
    await seen(CustomResourceDefinition, 'lamps.light.example', (one) => one?.status?.conditions?.some(({ type, status }) => type === 'Established' && status === 'True') === true);
    await early;
    await client.create(Namespace, { metadata: { name: 'lit' } });
    const owner = await client.create(Lamp, { metadata: { name: 'owner', namespace: 'lit' } });
    const reference = { apiVersion: 'light.example/v1', kind: 'Lamp', name: 'owner', uid: owner.metadata?.uid ?? '' };
    const owned = departure(ConfigMap, 'owned');
    await client.create(ConfigMap, { metadata: { name: 'owned', namespace: 'lit', ownerReferences: [reference] } });
    await client.delete(Lamp, { namespace: 'lit', name: 'owner' });
    await owned;
    await client.create(Lamp, { metadata: { name: 'left', namespace: 'lit' } });
    await client.delete(Namespace, { name: 'lit' });
    await informer(Namespace).waitUntil('lit', (one) => one === undefined, AbortSignal.timeout(10_000));
    expect((await client.list(Lamp, {})).items).toEqual([]);
    const last = await client.create(Lamp, { metadata: { name: 'last', namespace } });
    const late = departure(ConfigMap, 'late');
    await client.create(ConfigMap, { metadata: { name: 'late', namespace, ownerReferences: [{ ...reference, name: 'last', uid: last.metadata?.uid ?? '' }] } });
    await client.delete(CustomResourceDefinition, { name: 'lamps.light.example' });
    await late;
    await informer(CustomResourceDefinition).waitUntil('lamps.light.example', (one) => one === undefined, AbortSignal.timeout(10_000));
  });
});
