import { beforeAll, describe, expect, it } from 'vitest';
import type { ConfigMap, Pod } from '../../../machinery/kinds/core.ts';
import { deployment } from '../manifests.ts';
import { useNamespace } from '../namespace.ts';

const kubectl = useNamespace('kubectl-edit');

async function configMap(name: string, ...literals: readonly string[]): Promise<void> {
  const data = Object.fromEntries(literals.map((literal) => literal.split('=')));
  await kubectl.apply({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data });
}

const metadataOf = async (name: string) => (await kubectl.object<ConfigMap>`get configmap ${name} -o json`).metadata;

describe('kubectl edit', () => {
  it('stores what the editor wrote', async () => {
    await configMap('edited', 'colour=red');
    const editing = kubectl.with({ env: { KUBE_EDITOR: 'sed -i s/red/green/' } });
    expect(await editing`edit configmap edited`).toBe('configmap/edited edited\n');
    expect(await kubectl`get configmap edited -o ${'jsonpath={.data.colour}'}`).toBe('green');
  });

  it('says so when the editor changed nothing', async () => {
    await configMap('looked-at', 'colour=red');
    const looking = kubectl.with({ env: { KUBE_EDITOR: 'true' } });
    expect((await looking.outcome`edit configmap looked-at`).stderr).toContain('Edit cancelled, no changes made.');
  });

  it('edits a Deployment, whose pods follow', async () => {
    await kubectl.apply(deployment('edited', { replicas: 0 }));
    const editing = kubectl.with({ env: { KUBE_EDITOR: 'sed -i s/replicas:.0/replicas:\\ 1/' } });
    expect(await editing`edit deployment edited`).toBe('deployment.apps/edited edited\n');
    await kubectl`rollout status deployment/edited --timeout=30s`;
  });
});

const containers = async () => (await kubectl.object<{ spec: { template: Pod } }>`get deployment patched -o json`).spec.template.spec?.containers;

describe('kubectl patch', () => {
  beforeAll(() => kubectl.apply(deployment('patched', { replicas: 0 })));

  it('merges by list keys with --type=strategic', async () => {
    const patch = { spec: { template: { spec: { containers: [{ name: 'side', image: 'coracle.example/web:1' }] } } } };
    expect(await kubectl`patch deployment patched -p ${JSON.stringify(patch)}`).toBe('deployment.apps/patched patched\n');
    expect((await containers())?.map(({ name }) => name).toSorted()).toEqual(['main', 'side']);
    const remove = { spec: { template: { spec: { containers: [{ name: 'side', $patch: 'delete' }] } } } };
    await kubectl`patch deployment patched --type=strategic -p ${JSON.stringify(remove)}`;
    expect((await containers())?.map(({ name }) => name)).toEqual(['main']);
  });

  it('replaces lists and removes nulls with --type=merge', async () => {
    await configMap('merged', 'a=1', 'b=2');
    await kubectl`patch configmap merged --type=merge -p ${JSON.stringify({ data: { a: null, c: '3' } })}`;
    expect((await kubectl.object<ConfigMap>`get configmap merged -o json`).data).toEqual({ b: '2', c: '3' });
  });

  it('carries out operations with --type=json, all or none', async () => {
    await configMap('operated', 'a=1');
    const operations = [{ op: 'test', path: '/data/a', value: '1' }, { op: 'replace', path: '/data/a', value: '2' }, { op: 'add', path: '/data/b', value: '3' }];
    await kubectl`patch configmap operated --type=json -p ${JSON.stringify(operations)}`;
    expect((await kubectl.object<ConfigMap>`get configmap operated -o json`).data).toEqual({ a: '2', b: '3' });
    await kubectl.refused`patch configmap operated --type=json -p ${JSON.stringify(operations)}`;
    expect((await kubectl.object<ConfigMap>`get configmap operated -o json`).data).toEqual({ a: '2', b: '3' });
  });

  it('says so when nothing changes', async () => {
    await configMap('same', 'a=1');
    expect(await kubectl`patch configmap same --type=merge -p ${JSON.stringify({ data: { a: '1' } })}`).toBe('configmap/same patched (no change)\n');
  });

  it('patches the scale subresource', async () => {
    await kubectl`patch deployment patched --subresource=scale --type=merge -p ${JSON.stringify({ spec: { replicas: 0 } })}`;
    expect(await kubectl`get deployment patched --subresource=scale -o ${'jsonpath={.spec.replicas}'}`).toBe('0');
  });
});

describe('kubectl label and annotate', () => {
  it('adds, refuses to overwrite, overwrites and removes labels', async () => {
    await configMap('labelled', 'a=1');
    expect(await kubectl`label configmap labelled tier=front`).toBe('configmap/labelled labeled\n');
    expect(await kubectl.refused`label configmap labelled tier=back`).toContain("'tier' already has a value (front), and --overwrite is false");
    await kubectl`label configmap labelled tier=back --overwrite`;
    expect(await kubectl`get configmap -l tier=back -o name`).toBe('configmap/labelled\n');
    expect(await kubectl`label configmap labelled tier-`).toBe('configmap/labelled unlabeled\n');
    expect((await metadataOf('labelled'))?.labels).toBeUndefined();
  });

  it('labels all that a selector matches', async () => {
    await configMap('one', 'a=1');
    await configMap('two', 'a=1');
    await kubectl`label configmap one two set=pair`;
    expect(await kubectl`label configmap -l set=pair marked=yes`).toBe('configmap/one labeled\nconfigmap/two labeled\n');
    expect(await kubectl`get configmap -l ${'set in (pair),marked'} -o name`).toBe('configmap/one\nconfigmap/two\n');
  });

  it('refuses a value that no label may have', async () => {
    await configMap('odd', 'a=1');
    expect(await kubectl.refused`label configmap odd ${'tier=not valid'}`).toContain('a valid label must be an empty string or consist of alphanumeric characters');
  });

  it('annotates and removes annotations', async () => {
    await configMap('annotated', 'a=1');
    expect(await kubectl`annotate configmap annotated ${'note=two words'}`).toBe('configmap/annotated annotated\n');
    expect((await metadataOf('annotated'))?.annotations?.['note']).toBe('two words');
    await kubectl`annotate configmap annotated note-`;
    expect((await metadataOf('annotated'))?.annotations?.['note']).toBeUndefined();
  });
});
