import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CustomObjectsApi, KubeConfig, makeInformer, type KubernetesListObject, type KubernetesObject } from '@kubernetes/client-node';
import { useNamespace } from '../namespace.ts';

const kubectl = useNamespace('kubectl-custom');

/** A kind with all that definitions can say of columns, subresources, defaults and rules. */
const definition = {
  apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: 'boats.harbour.example' },
  spec: {
    group: 'harbour.example', scope: 'Namespaced', names: { plural: 'boats', singular: 'boat', kind: 'Boat', shortNames: ['bt'], categories: ['fleet'] },
    versions: [{
      name: 'v1', served: true, storage: true,
      subresources: { status: {}, scale: { specReplicasPath: '.spec.oars', statusReplicasPath: '.status.oars' } },
      additionalPrinterColumns: [
        { name: 'Oars', type: 'integer', jsonPath: '.spec.oars' }, { name: 'Afloat', type: 'string', jsonPath: '.status.conditions[?(@.type=="Afloat")].status' },
        { name: 'Hull', type: 'string', jsonPath: '.spec.hull', priority: 1 },
      ],
      schema: { openAPIV3Schema: { type: 'object', properties: {
        spec: {
          type: 'object', required: ['oars'], description: 'How the boat is built.',
          'x-kubernetes-validations': [{ rule: 'self.oars % 2 == 0', message: 'oars come in pairs' }, { rule: '!has(oldSelf.hull) || self.hull == oldSelf.hull', message: 'a hull is for ever', fieldPath: '.hull' }],
          properties: { oars: { type: 'integer', minimum: 0, description: 'Oars aboard.' }, hull: { type: 'string', default: 'willow', enum: ['willow', 'hide'] } },
        },
        status: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
      } } },
    }],
  },
};

const boat = (name: string, spec: object = { oars: 2 }, metadata: object = {}) => ({ apiVersion: 'harbour.example/v1', kind: 'Boat', metadata: { name, ...metadata }, spec });

beforeAll(async () => {
  await kubectl.apply(definition);
  await kubectl`wait --for=condition=Established crd/boats.harbour.example --timeout=30s`;
});

afterAll(async () => {
  await kubectl`delete crd boats.harbour.example --ignore-not-found --timeout=30s`;
});

describe('a kind that users define', () => {
  it('is created, shown, explained and found', async () => {
    expect(await kubectl.apply(boat('currach'))).toBe('boat.harbour.example/currach created\n');
    expect(await kubectl`get bt currach`).toMatch(/^NAME +OARS +AFLOAT\ncurrach +2 +\n$/);
    expect(await kubectl`get boat currach -o wide`).toMatch(/HULL\ncurrach +2 +willow\n$/);
    expect(await kubectl`get fleet -o name`).toBe('boat.harbour.example/currach\n');
    expect(await kubectl`explain boat.spec.oars`).toContain('Oars aboard.');
    expect(await kubectl`explain boats --recursive`).toMatch(/spec\s<Object>[\s\S]*hull\s<string>/);
    expect(await kubectl`api-resources --api-group=harbour.example --no-headers`).toMatch(/^boats +bt +harbour\.example\/v1 +true +Boat\n$/);
    expect(await kubectl`describe boat currach`).toMatch(/Kind: +Boat[\s\S]*Hull: +willow/);
  });

  it('is refused by its schema and its rules', async () => {
    const apply = (object: object) => kubectl.with({ input: JSON.stringify(object) }).refused`apply -f -`;
    expect(await apply(boat('odd', { oars: 3 }))).toContain('spec: Invalid value: oars come in pairs');
    expect(await apply(boat('odd', { oars: 2, hull: 'iron' }))).toContain('spec.hull: Unsupported value: "iron": supported values: "willow", "hide"');
    expect(await apply(boat('odd', { oars: 2, sail: true }))).toContain('unknown field "spec.sail"');
    expect(await kubectl.refused`patch boat currach --type=merge -p ${'{"spec":{"hull":"hide"}}'}`).toContain('spec.hull: Invalid value: a hull is for ever');
  });

  it('is patched, scaled, and reports its status', async () => {
    expect(await kubectl`patch boat currach --type=json -p ${'[{"op":"replace","path":"/spec/oars","value":4}]'}`).toBe('boat.harbour.example/currach patched\n');
    expect(await kubectl`scale boat currach --replicas=6`).toBe('boat.harbour.example/currach scaled\n');
    await kubectl`patch boat currach --subresource=status --type=merge -p ${'{"status":{"oars":6,"conditions":[{"type":"Afloat","status":"True"}]}}'}`;
    await kubectl`wait --for=condition=Afloat boat/currach --timeout=30s`;
    expect(await kubectl`get boat currach`).toMatch(/currach +6 +True\n$/);
    expect(await kubectl`get boat currach -o ${'jsonpath={.metadata.generation}'}`).toBe('3');
  });

  it('is applied on the server, by fields and their owners', async () => {
    const first = kubectl.with({ input: JSON.stringify(boat('coble', { oars: 2 })) });
    await first`apply --server-side --field-manager=shipwright -f -`;
    const other = kubectl.with({ input: JSON.stringify(boat('coble', { oars: 4 })) });
    expect(await other.refused`apply --server-side --field-manager=owner -f -`).toContain('conflict with "shipwright": .spec.oars');
    expect(await other`apply --server-side --field-manager=owner --force-conflicts -f -`).toContain('serverside-applied');
    expect(await kubectl`get boat coble -o ${'jsonpath={.spec.oars}'}`).toBe('4');
  });

  it('owns objects, which go with it', async () => {
    const uid = await kubectl`get boat currach -o ${'jsonpath={.metadata.uid}'}`;
    await kubectl.apply({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'log-book', ownerReferences: [{ apiVersion: 'harbour.example/v1', kind: 'Boat', name: 'currach', uid }] } });
    await kubectl`delete boat currach`;
    await kubectl`wait --for=delete configmap/log-book --timeout=30s`;
  });

  it('is followed by the JavaScript client\'s informer', async () => {
    const config = new KubeConfig();
    config.loadFromString(await kubectl`config view --raw --minify --flatten -o json`);
    const api = config.makeApiClient(CustomObjectsApi);
    const at = { group: 'harbour.example', version: 'v1', namespace: 'kubectl-custom', plural: 'boats' };
    const informer = makeInformer<KubernetesObject>(config, '/apis/harbour.example/v1/namespaces/kubectl-custom/boats', async () =>
      await api.listNamespacedCustomObject(at) as KubernetesListObject<KubernetesObject>);
    const seen = new Promise<KubernetesObject>((resolve) => { informer.on('add', (object) => { if (object.metadata?.name === 'yole') resolve(object); }); });
    await informer.start();
    await api.createNamespacedCustomObject({ ...at, body: boat('yole') });
    expect(await seen).toMatchObject({ kind: 'Boat', spec: { oars: 2, hull: 'willow' } });
    await informer.stop();
  });

  it('goes with its definition, objects first', async () => {
    await kubectl.apply(boat('last'));
    await kubectl`delete crd boats.harbour.example --timeout=30s`;
    expect(await kubectl.refused`get --raw /apis/harbour.example/v1`).toContain('NotFound');
    await kubectl.apply(definition);
    await kubectl`wait --for=condition=Established crd/boats.harbour.example --timeout=30s`;
    expect(await kubectl`get boats`).toBe('');
  });
});

it('an unknown kind in a file keeps nothing else from being applied', async () => {
  const input = [{ apiVersion: 'harbour.example/v1', kind: 'Lighthouse', metadata: { name: 'l' } }, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'beside' } }].map((one) => JSON.stringify(one)).join('\n---\n');
  const { code, stdout, stderr } = await kubectl.with({ input }).outcome`apply -f -`;
  expect(code).toBe(1);
  expect(stdout).toBe('configmap/beside created\n');
  expect(stderr).toContain('no matches for kind "Lighthouse" in version "harbour.example/v1"');
});
