import { describe, expect, it } from 'vitest';
import type { ConfigMap } from '../../../machinery/kinds/core.ts';
import { deployment, pod } from '../manifests.ts';
import { useNamespace } from '../namespace.ts';

const kubectl = useNamespace('kubectl-apply');

function configMap(name: string, data: Readonly<Record<string, string>>) {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data };
}

const dataOf = async (name: string) => (await kubectl.object<ConfigMap>`get configmap ${name} -o json`).data;

describe('kubectl apply', () => {
  it('says what became of each object: created, configured, unchanged', async () => {
    expect(await kubectl.apply(configMap('said', { a: '1' }), configMap('said-too', { a: '1' }))).toBe('configmap/said created\nconfigmap/said-too created\n');
    expect(await kubectl.apply(configMap('said', { a: '1' }), configMap('said-too', { a: '2' }))).toBe('configmap/said unchanged\nconfigmap/said-too configured\n');
  });

  it('removes what is no longer in the manifest and keeps what others added', async () => {
    await kubectl.apply(configMap('merged', { keep: '1', drop: '1' }));
    await kubectl`patch configmap merged --type=merge -p ${JSON.stringify({ data: { others: '1' } })}`;
    await kubectl.apply(configMap('merged', { keep: '2' }));
    expect(await dataOf('merged')).toEqual({ keep: '2', others: '1' });
  });

  it('merges lists by their keys', async () => {
    const containers = [{ name: 'main', image: 'coracle.example/web:1' }, { name: 'side', image: 'coracle.example/web:1', command: ['sleep', '100'] }];
    await kubectl.apply(deployment('listed', { replicas: 0, spec: { containers } }));
    const image = await kubectl`get deployment listed -o ${'jsonpath={.spec.template.spec.containers[*].name}'}`;
    expect(image).toBe('main side');
    await kubectl.apply(deployment('listed', { replicas: 0, spec: { containers: containers.slice(1) } }));
    expect(await kubectl`get deployment listed -o ${'jsonpath={.spec.template.spec.containers[*].name}'}`).toBe('side');
  });

  it('changes nothing in a dry run on the server', async () => {
    const input = JSON.stringify(configMap('dry', { a: '1' }));
    expect(await kubectl.with({ input })`apply --dry-run=server -f -`).toBe('configmap/dry created (server dry run)\n');
    expect(await kubectl.refused`get configmap dry`).toBe('Error from server (NotFound): configmaps "dry" not found\n');
  });
});

describe('kubectl diff', () => {
  it('shows what apply would change and exits with 1, or 0 when nothing would', async () => {
    await kubectl.apply(configMap('compared', { a: 'before' }));
    const same = await kubectl.with({ input: JSON.stringify(configMap('compared', { a: 'before' })) }).outcome`diff -f -`;
    expect(same).toMatchObject({ code: 0, stdout: '' });
    const changed = await kubectl.with({ input: JSON.stringify(configMap('compared', { a: 'after' })) }).outcome`diff -f -`;
    expect(changed.code).toBe(1);
    expect(changed.stdout).toMatch(/^-\s+a: before$/m);
    expect(changed.stdout).toMatch(/^\+\s+a: after$/m);
    expect(await dataOf('compared')).toEqual({ a: 'before' });
  });
});

describe('kubectl create', () => {
  it('refuses what exists already', async () => {
    await kubectl`create configmap twice --from-literal=a=1`;
    expect(await kubectl.refused`create configmap twice --from-literal=a=2`).toBe('error: failed to create configmap: configmaps "twice" already exists\n');
    expect(await dataOf('twice')).toEqual({ a: '1' });
  });

  it('names every unknown field with --validate=strict, and drops them with --validate=ignore', async () => {
    const input = JSON.stringify({ ...pod('strict'), spec: { ...pod('strict').spec, nodeNmae: 'x', containers: [{ name: 'main', image: 'coracle.example/web:1', imagePullPolcy: 'Never' }] } });
    const error = await kubectl.with({ input }).refused`create --validate=strict -f -`;
    expect(error).toContain('strict decoding error');
    expect(error).toContain('unknown field "spec.nodeNmae"');
    expect(error).toContain('unknown field "spec.containers[0].imagePullPolcy"');
    expect(await kubectl.with({ input })`create --validate=ignore --dry-run=server -f -`).toBe('pod/strict created (server dry run)\n');
  });

  it('warns of an unknown field with --validate=warn', async () => {
    const input = JSON.stringify({ ...configMap('warned', {}), extra: 1 });
    const { code, stderr } = await kubectl.with({ input }).outcome`create --validate=warn -f -`;
    expect(code).toBe(0);
    expect(stderr).toContain('Warning: unknown field "extra"');
  });

  it('makes secrets, service accounts, roles and bindings from flags', async () => {
    await kubectl`create secret generic hidden --from-literal=password=s3cret`;
    expect(await kubectl`get secret hidden -o ${'jsonpath={.type} {.data.password}'}`).toBe(`Opaque ${Buffer.from('s3cret').toString('base64')}`);
    await kubectl`create serviceaccount reader`;
    await kubectl`create role reader --verb=get,list --resource=pods`;
    await kubectl`create rolebinding reader --role=reader --serviceaccount=kubectl-apply:reader`;
    expect(await kubectl`get rolebinding reader -o ${'jsonpath={.roleRef.name} {.subjects[0].name}'}`).toBe('reader reader');
  });
});
