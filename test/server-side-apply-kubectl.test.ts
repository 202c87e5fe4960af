import { glob, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { KubernetesList, KubernetesObject } from '../machinery/kinds/kind.ts';
import { kinds, manifestsOf, type Manifest } from './arbitrary/manifests.ts';
import { startTestServer, type Ran, type TestServer } from './test-server.ts';

/** Field management as kubectl's users meet it. */

let test: TestServer;
beforeAll(async () => { test = await startTestServer(); });
afterAll(() => test.dispose());

const seed = 20_260_731;
const text = (objects: readonly object[]): string => objects.map((object) => JSON.stringify(object)).join('\n---\n');
const apply = (objects: readonly object[], ...words: readonly string[]): Promise<Ran> => test.kubectlWith(text(objects), 'apply', '-f', '-', ...words);
const serverSide = (objects: readonly object[], ...words: readonly string[]): Promise<Ran> => apply(objects, '--server-side', ...words);

async function shown(...words: readonly string[]): Promise<KubernetesObject> {
  return JSON.parse((await test.kubectl('get', ...words, '-o', 'json', '--show-managed-fields')).out) as KubernetesObject;
}

function managers({ metadata }: KubernetesObject): string[] {
  return (metadata?.managedFields ?? []).map(({ manager = '', operation, subresource }) => [operation, manager, ...(subresource === undefined ? [] : [subresource])].join(' ')).toSorted();
}

async function done(...words: readonly string[]): Promise<void> {
  expect(await test.kubectl(...words)).toMatchObject({ code: 0 });
}

const configMap = (name: string, data: Readonly<Record<string, string>>) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data });
const deployment = (name: string, replicas: number, image = 'web:1') => ({
  apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name },
  spec: { replicas, selector: { matchLabels: { app: name } }, template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'web', image }] } } },
});

/** `kind/name` → resourceVersion, of everything in the namespace and beyond. */
async function versions(objects: readonly Manifest[]): Promise<Readonly<Record<string, string | undefined>>> {
  const words = [...new Set(objects.map(({ kind, apiVersion }) => `${kind}.${apiVersion.includes('/') ? apiVersion.split('/').toReversed().join('.') : `${apiVersion}.`}`))];
  const { out } = await test.kubectl('get', words.join(','), '-A', '-o', 'json');
  const { items } = JSON.parse(out) as KubernetesList<KubernetesObject>;
  return Object.fromEntries(items.map(({ kind, metadata }) => [`${kind}/${metadata?.namespace ?? ''}/${metadata?.name}`, metadata?.resourceVersion]));
}

describe('applied twice on the server', () => {
  it.each(kinds)('nothing changes the second time: %s', async (kind) => {
    const objects = manifestsOf(kind, 10, seed);
    expect(await serverSide(objects)).toMatchObject({ code: 0 });
    const before = await versions(objects);
    expect(Object.keys(before).length).toBeGreaterThanOrEqual(10);
    const again = await serverSide(objects);
    expect(again).toMatchObject({ code: 0 });
    expect(await versions(objects)).toEqual(before);
  });

  it('nothing changes the second time: our own manifests', async () => {
    const root = join(dirname(import.meta.dirname), 'manifests');
    const files: string[] = [];
    for await (const file of glob('**/*.yaml', { cwd: root })) files.push(join(root, file));
    expect(files).not.toEqual([]);
    for (const file of files) {
      const manifest = await readFile(file, 'utf8');
      const first = await test.kubectlWith(manifest, 'apply', '--server-side', '-f', '-', '-o', 'json');
      expect(first).toMatchObject({ code: 0 });
      expect((await test.kubectlWith(manifest, 'apply', '--server-side', '-f', '-', '-o', 'json')).out).toBe(first.out);
    }
  });

  it('nothing changes when others have changed what it doesn\'t say', async () => {
    const object = deployment('shared', 1);
    const { replicas: _replicas, ...rest } = object.spec;
    await serverSide([{ ...object, spec: rest }]);
    await done('scale', 'deployment', 'shared', '--replicas=4');
    await done('label', 'deployment', 'shared', 'a=b');
    const before = (await shown('deployment', 'shared')).metadata?.resourceVersion;
    await serverSide([{ ...object, spec: rest }]);
    expect(await shown('deployment', 'shared')).toMatchObject({ metadata: { resourceVersion: before, labels: { a: 'b' } }, spec: { replicas: 4 } });
  });
});

describe('kubectl', () => {
  it('is a manager by what it does', async () => {
    await done('create', 'deployment', 'busy', '--image=web:1');
    await done('label', 'deployment', 'busy', 'a=b');
    await done('annotate', 'deployment', 'busy', 'c=d');
    await done('patch', 'deployment', 'busy', '--type=merge', '-p', '{"spec":{"minReadySeconds":3}}');
    await done('scale', 'deployment', 'busy', '--replicas=2');
    await done('set', 'image', 'deployment/busy', 'web=web:2');
    await done('rollout', 'restart', 'deployment/busy');
    expect(managers(await shown('deployment', 'busy'))).toEqual([
      'Update kubectl scale', 'Update kubectl-annotate', 'Update kubectl-create', 'Update kubectl-label', 'Update kubectl-patch', 'Update kubectl-rollout', 'Update kubectl-set',
    ]);
    await done('create', 'configmap', 'plain', '--from-literal=a=1');
    await apply([configMap('client', { a: '1' })]);
    await test.kubectlWith(JSON.stringify(configMap('plain', { a: '2' })), 'replace', '-f', '-');
    expect(managers(await shown('configmap', 'plain'))).toEqual(['Update kubectl-create', 'Update kubectl-replace']);
    expect(managers(await shown('configmap', 'client'))).toEqual(['Update kubectl-client-side-apply']);
  });

  it('shows entries only when it is asked to', async () => {
    await serverSide([configMap('looked-at', { a: '1' })]);
    expect((await test.kubectl('get', 'configmap', 'looked-at', '-o', 'yaml')).out).not.toContain('managedFields');
    expect((await test.kubectl('get', 'configmap', 'looked-at', '-o', 'yaml', '--show-managed-fields')).out).toContain([
      '  managedFields:', '  - apiVersion: v1', '    fieldsType: FieldsV1', '    fieldsV1:', '      f:data:', '        f:a: {}', '    manager: kubectl', '    operation: Apply',
    ].join('\n'));
  });

  it('tells conflicts and how to go on, and goes on', async () => {
    await serverSide([deployment('fought', 1)]);
    await done('scale', 'deployment', 'fought', '--replicas=5');
    const { code, err } = await serverSide([deployment('fought', 2, 'web:2')]);
    expect(code).toBe(1);
    expect(err).toContain('Apply failed with 1 conflict: conflict with "kubectl" with subresource "scale" using apps/v1: .spec.replicas');
    expect(err).toContain('--force-conflicts');
    expect(await shown('deployment', 'fought')).toMatchObject({ spec: { replicas: 5 } });
    expect(await serverSide([deployment('fought', 2)], '--force-conflicts')).toMatchObject({ code: 0, out: 'deployment.apps/fought serverside-applied\n' });
    expect(managers(await shown('deployment', 'fought'))).toEqual(['Apply kubectl']);
    const other = await serverSide([deployment('fought', 3)], '--field-manager=other');
    expect(other.err).toContain('Apply failed with 1 conflict: conflict with "kubectl": .spec.replicas');
  });

  it('takes over what it applied from its own side', async () => {
    await apply([deployment('moved', 1)]);
    expect(managers(await shown('deployment', 'moved'))).toEqual(['Update kubectl-client-side-apply']);
    expect(await serverSide([deployment('moved', 3, 'web:2')])).toMatchObject({ code: 0, err: '' });
    const moved = await shown('deployment', 'moved');
    expect(moved).toMatchObject({ spec: { replicas: 3, template: { spec: { containers: [{ image: 'web:2' }] } } } });
    // The annotation stays kubectl's own.
    expect(managers(moved)).toEqual(['Apply kubectl', 'Apply kubectl-last-applied']);
    expect(JSON.parse(moved.metadata?.annotations?.['kubectl.kubernetes.io/last-applied-configuration'] ?? '')).toMatchObject({ spec: { replicas: 3 } });
    const version = moved.metadata?.resourceVersion;
    await serverSide([deployment('moved', 3, 'web:2')]);
    expect((await shown('deployment', 'moved')).metadata?.resourceVersion).toBe(version);
    // And back again: what is left out is removed by the annotation that the server kept up.
    const { replicas: _replicas, ...rest } = deployment('moved', 3, 'web:3').spec;
    expect(await apply([{ ...deployment('moved', 3), spec: rest }])).toMatchObject({ code: 0 });
    expect(await shown('deployment', 'moved')).toMatchObject({ spec: { replicas: 1, template: { spec: { containers: [{ image: 'web:3' }] } } } });
  });

  it('gives up by applying less what it moved over', async () => {
    await apply([configMap('shrunk', { a: '1', b: '1' })]);
    await serverSide([configMap('shrunk', { a: '1', b: '1' })]);
    await serverSide([configMap('shrunk', { a: '1' })]);
    expect(await shown('configmap', 'shrunk')).toMatchObject({ data: { a: '1' } });
    expect(Object.keys(Object(Reflect.get(await shown('configmap', 'shrunk'), 'data')))).toEqual(['a']);
  });

  it('is told what is wrong with a manifest, and keeps to its namespace', async () => {
    const unknown = await serverSide([{ ...configMap('wrong', {}), dta: {} }]);
    expect(unknown).toMatchObject({ code: 1, err: expect.stringContaining('failed to create typed patch object (default/wrong; /v1, Kind=ConfigMap): .dta: field not declared in schema') });
    const twice = await serverSide([{ ...deployment('wrong', 1), spec: { ...deployment('wrong', 1).spec, template: { spec: { containers: [{ name: 'a', image: 'x' }, { name: 'a', image: 'x' }] } } } }]);
    expect(twice.err).toContain('.spec.template.spec.containers: duplicate entries for key [name="a"]');
    const invalid = await serverSide([deployment('wrong', -1)]);
    expect(invalid.err).toContain('The Deployment "wrong" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0');
  });
});
