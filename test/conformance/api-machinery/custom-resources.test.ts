import { CustomObjectsApi, KubeConfig, ListWatch, Watch, type KubernetesListObject, type KubernetesObject } from '@kubernetes/client-node';
import { describe, expect, it } from 'vitest';
import { CustomResourceDefinition } from '../../../machinery/kinds/apiextensions.ts';
import { eventually } from '../../e2e/eventually.ts';
import { useCluster } from '../cluster.ts';
import { hostPortVersions, startConverter } from '../converter.ts';
import { define, definition, unique, type CustomObject } from '../definitions.ts';
import { expectConditions, expectDiscovered } from '../operations.ts';
import { watching, type Watching } from '../watching.ts';

const cluster = useCluster('custom-resources');
const merge = 'application/merge-patch+json';
const gone = { code: 404, reason: 'NotFound' };

/** What a watch has seen of objects, without what changed in between. */
function addedAndDeleted({ events }: Watching<CustomObject>): string[] {
  return events.filter(({ type }) => type === 'ADDED' || type === 'DELETED').map(({ type, object }) => `${type} ${object.metadata?.name ?? ''}`);
}

/** What selects by host sees, and of that what selects by host and port does. */
const sees = (...expected: readonly string[]) => ({ both: expected.filter((text) => text.endsWith(' a')), host: expected });

/** Two fields, with defaults or without. */
const schema = (defaults: Readonly<Record<string, string>>) => ({
  openAPIV3Schema: { type: 'object', properties: Object.fromEntries(['a', 'b'].map((name) => [name, { type: 'string', ...(defaults[name] === undefined ? {} : { default: defaults[name] }) }])) },
});

describe('[sig-api-machinery]', () => {
  it('CustomResourceDefinition resources [Privileged:ClusterAdmin] Simple CustomResourceDefinition creating/deleting custom resource definition objects works', async () => {
    const { client } = cluster;
    const { metadata } = await client.create(CustomResourceDefinition, definition({}));
    const at = { name: metadata?.name ?? '' };
    await using watch = watching(client, CustomResourceDefinition, { fieldSelector: `metadata.name=${at.name}` });
    await watch.until('CHANGED', ({ status }) => status?.conditions?.some(({ type, status: value }) => type === 'Established' && value === 'True') === true);
    await client.delete(CustomResourceDefinition, at);
    await watch.until('DELETED');
    await expect(client.get(CustomResourceDefinition, at)).rejects.toMatchObject(gone);
  });

  it('CustomResourceDefinition resources [Privileged:ClusterAdmin] Simple CustomResourceDefinition listing custom resource definition objects works', async () => {
    const { client } = cluster;
    const label = unique('list');
    const ours = { labelSelector: `${label}=yes` };
    const names = [];
    for (let count = 0; count < 10; count++) names.push((await client.create(CustomResourceDefinition, definition({ labels: { [label]: 'yes' } }))).metadata?.name);
    const other = await client.create(CustomResourceDefinition, definition({ labels: { [label]: 'no' } }));
    expect((await client.list(CustomResourceDefinition, ours)).items.map(({ metadata }) => metadata?.name)).toEqual(names.toSorted());
    await client.deleteCollection(CustomResourceDefinition, ours);
    await eventually(async () => expect((await client.list(CustomResourceDefinition, ours)).items).toEqual([]));
    const at = { name: other.metadata?.name ?? '' };
    expect((await client.get(CustomResourceDefinition, at)).metadata).not.toHaveProperty('deletionTimestamp');
    await client.delete(CustomResourceDefinition, at);
  });

  it('CustomResourceDefinition resources [Privileged:ClusterAdmin] Simple CustomResourceDefinition getting/updating/patching custom resource definition status sub-resource works', async () => {
    await using defined = await define(cluster.client);
    await expectConditions(cluster, CustomResourceDefinition, { name: defined.name });
    const { status, spec } = await cluster.client.getSubresource<CustomResourceDefinition>(CustomResourceDefinition, { name: defined.name }, 'status');
    expect(status?.acceptedNames).toMatchObject({ plural: spec.names.plural, kind: spec.names.kind });
  });

  it('CustomResourceDefinition resources [Privileged:ClusterAdmin] should include custom resource definition resources in discovery documents', async () => {
    await expectDiscovered(CustomResourceDefinition, 'customresourcedefinitions', 'customresourcedefinitions/status');
  });

  it('CustomResourceDefinition resources [Privileged:ClusterAdmin] custom resource defaulting for requests and from storage works', async () => {
    const { client, namespace } = cluster;
    await using defined = await define(client, { versions: [{ name: 'v1', schema: schema({}) }] });
    const kind = defined.as();
    const redefine = (defaults: Readonly<Record<string, string>>) => client.patch(CustomResourceDefinition, { name: defined.name }, merge, { spec: { versions: [{ name: 'v1', served: true, storage: true, schema: schema(defaults) }] } });
    const create = (name: string) => client.create(kind, { metadata: { name, namespace } });
    const read = (name: string) => client.get(kind, { namespace, name });
    const first = await create('first');
    expect(first).not.toHaveProperty('a');

    await redefine({ a: 'A' });
    // What is stored without it has it from now on when it is read.
    await eventually(async () => expect(await read('first')).toMatchObject({ a: 'A' }));
    expect(await create('second')).toMatchObject({ a: 'A' });
    expect(await read('first')).not.toHaveProperty('b');

    await redefine({ b: 'B' });
    // What had the default when it was created keeps it; what was only read with it does not.
    await eventually(async () => expect(await read('second')).toMatchObject({ a: 'A', b: 'B' }));
    expect(await read('first')).toMatchObject({ b: 'B' });
    expect(await read('first')).not.toHaveProperty('a');
  });

  it('CustomResourceDefinition Watch [Privileged:ClusterAdmin] CustomResourceDefinition Watch watch on custom resource definition objects', async () => {
    const { client, namespace } = cluster;
    await using defined = await define(client, { kind: 'WishIHadChosenNoxu' });
    const kind = defined.as('v1');
    const { metadata: { resourceVersion = '' } } = await client.list(kind, { namespace });
    await using first = watching(client, kind, { namespace, resourceVersion, fieldSelector: 'metadata.name=name1' });
    await using second = watching(client, kind, { namespace, resourceVersion, fieldSelector: 'metadata.name=name2' });
    for (const name of ['name1', 'name2']) await client.create(kind, { metadata: { name, namespace }, content: { key: 'value' } });
    expect(await first.until('ADDED')).toMatchObject({ metadata: { name: 'name1' }, content: { key: 'value' } });
    expect(await second.until('ADDED')).toMatchObject({ metadata: { name: 'name2' }, content: { key: 'value' } });
    for (const name of ['name1', 'name2']) await client.patch(kind, { namespace, name }, merge, { content: { dummy: 'test' } });
    expect(await first.until('MODIFIED')).toMatchObject({ content: { key: 'value', dummy: 'test' } });
    expect(await second.until('MODIFIED')).toMatchObject({ content: { key: 'value', dummy: 'test' } });
    for (const name of ['name1', 'name2']) await client.delete(kind, { namespace, name });
    expect(await first.until('DELETED')).toMatchObject({ metadata: { name: 'name1' } });
    expect(await second.until('DELETED')).toMatchObject({ metadata: { name: 'name2' } });
    expect([first.events.length, second.events.length]).toEqual([3, 3]);
  });

  it('CustomResourceFieldSelectors [Privileged:ClusterAdmin] CustomResourceFieldSelectors MUST list and watch custom resources matching the field selector', async () => {
    const { client, namespace, kubectl } = cluster;
    await using converter = await startConverter();
    await using defined = await define(client, { conversion: converter.conversion, versions: hostPortVersions });
    const [v1, v2] = [defined.as('v1'), defined.as('v2')];
    const { metadata: { resourceVersion = '' } } = await client.list(v2, { namespace });
    await using byHost = watching(client, v2, { namespace, resourceVersion, fieldSelector: 'host=host1' });
    await using byBoth = watching(client, v2, { namespace, resourceVersion, fieldSelector: 'host=host1,port=80' });
    await using byHostPort = watching(client, v1, { namespace, resourceVersion, fieldSelector: 'hostPort=host1:80' });
    const config = new KubeConfig();
    config.loadFromString(await kubectl`config view --raw --minify --flatten -o json`);
    const api = config.makeApiClient(CustomObjectsApi);
    const informerOf = async (fieldSelector: string) => {
      const seen: string[] = [];
      const at = { group: defined.group, version: 'v2', namespace, plural: v2.plural, fieldSelector };
      const list = async () => await api.listNamespacedCustomObject(at) as KubernetesListObject<KubernetesObject>;
      const informer = new ListWatch<KubernetesObject>(`/apis/${defined.group}/v2/namespaces/${namespace}/${v2.plural}`, new Watch(config), list, false, undefined, fieldSelector);
      informer.on('add', ({ metadata }) => { seen.push(`ADDED ${metadata?.name ?? ''}`); });
      informer.on('delete', ({ metadata }) => { seen.push(`DELETED ${metadata?.name ?? ''}`); });
      await informer.start();
      return { seen, [Symbol.asyncDispose]: () => informer.stop() };
    };
    await using hostInformer = await informerOf('host=host1');
    await using bothInformer = await informerOf('host=host1,port=80');

    for (const [name, fields] of [['a', { host: 'host1', port: '80' }], ['b', { host: 'host1', port: '8080' }], ['c', { host: 'host2' }]] as const) await client.create(v2, { metadata: { name, namespace }, ...fields });
    const names = async (kind: typeof v1, fieldSelector: string) => (await client.list(kind, { namespace, fieldSelector })).items.map(({ metadata }) => metadata?.name);
    expect(await names(v2, 'host=host1')).toEqual(['a', 'b']);
    expect(await names(v2, 'host=host1,port=80')).toEqual(['a']);
    expect(await names(v1, 'hostPort=host1:80')).toEqual(['a']);
    expect(await names(v1, 'hostPort=host1:8080')).toEqual(['b']);
    const check = async ({ host, both }: ReturnType<typeof sees>) => {
      await eventually(() => {
        expect(addedAndDeleted(byHost)).toEqual(host);
        expect(addedAndDeleted(byBoth)).toEqual(both);
        expect(addedAndDeleted(byHostPort)).toEqual(both);
        expect(hostInformer.seen).toEqual(host);
        expect(bothInformer.seen).toEqual(both);
      });
    };
    await check(sees('ADDED a', 'ADDED b'));

    await client.deleteCollection(v2, { namespace, fieldSelector: 'host=host1,port=80' }, { gracePeriodSeconds: 0 });
    await client.update(v2, { ...await client.get(v2, { namespace, name: 'b' }), host: 'host2' });
    expect(await names(v2, 'host=host1')).toEqual([]);
    expect(await names(v2, 'host=host1,port=80')).toEqual([]);
    expect(await names(v2, 'host=host2')).toEqual(['b', 'c']);
    await check(sees('ADDED a', 'ADDED b', 'DELETED a', 'DELETED b'));
  });
});
