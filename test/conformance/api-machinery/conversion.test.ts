import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CustomResourceDefinition } from '../../../machinery/kinds/apiextensions.ts';
import { useCluster } from '../cluster.ts';
import { startConverter, hostPortVersions, type Converter } from '../converter.ts';
import { define, type CustomObject, type Defined } from '../definitions.ts';

const cluster = useCluster('crd-webhook');
let converter: Converter;

beforeAll(async () => { converter = await startConverter(); });
afterAll(() => converter[Symbol.asyncDispose]());

const defineConverted = (): Promise<Defined> => define(cluster.client, { conversion: converter.conversion, versions: hostPortVersions });
const v1Object = (name: string): CustomObject => ({ metadata: { name, namespace: cluster.namespace }, hostPort: 'localhost:8080' });

describe('[sig-api-machinery]', () => {
  it('CustomResourceConversionWebhook [Privileged:ClusterAdmin] should be able to convert from CR v1 to CR v2', async () => {
    const { client, namespace } = cluster;
    await using defined = await defineConverted();
    const { metadata } = await client.create(defined.as('v1'), v1Object('cr-instance-1'));
    const found = await client.get(defined.as('v2'), { namespace, name: 'cr-instance-1' });
    expect(found).toMatchObject({ apiVersion: `${defined.group}/v2`, host: 'localhost', port: '8080', metadata: { uid: metadata?.uid } });
    expect(found).not.toHaveProperty('hostPort');
  });

  it('CustomResourceConversionWebhook [Privileged:ClusterAdmin] should be able to convert a non homogeneous list of CRs', async () => {
    const { client, namespace } = cluster;
    await using defined = await defineConverted();
    await client.create(defined.as('v1'), v1Object('cr-instance-1'));
    // From now on objects are stored in the other version.
    const versions = hostPortVersions.map((version) => ({ ...version, served: true, storage: version.name === 'v2' }));
    const changed = await client.patch(CustomResourceDefinition, { name: defined.name }, 'application/merge-patch+json', { spec: { versions } });
    expect(changed.status?.storedVersions).toEqual(['v1', 'v2']);
    await client.create(defined.as('v1'), v1Object('cr-instance-2'));

    const { items: asV1 } = await client.list(defined.as('v1'), { namespace });
    expect(asV1.map(({ metadata, hostPort }) => [metadata?.name, hostPort])).toEqual([['cr-instance-1', 'localhost:8080'], ['cr-instance-2', 'localhost:8080']]);
    const { items: asV2 } = await client.list(defined.as('v2'), { namespace });
    expect(asV2.map(({ metadata, host, port }) => [metadata?.name, host, port])).toEqual([['cr-instance-1', 'localhost', '8080'], ['cr-instance-2', 'localhost', '8080']]);
  });
});
