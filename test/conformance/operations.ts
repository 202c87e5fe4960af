/** What Kubernetes' conformance suite demands of every kind: discovery, and each verb with its effect and its watch events. */
import { randomBytes } from 'node:crypto';
import { expect } from 'vitest';
import type { ObjectAddress } from '../../client/client.ts';
import { pathOf } from '../../client/https.ts';
import { apiVersionOf, type Kind, type KubernetesObject, type ObjectMeta } from '../../machinery/kinds/kind.ts';
import type { ConformanceCluster } from './cluster.ts';
import { eventually } from '../e2e/eventually.ts';
import { call, get } from './raw.ts';
import { watching } from './watching.ts';

/** The kind stands in `/apis`, in its group's document and, with these resources, in its version's. */
export async function expectDiscovered({ group, version }: Kind, ...resources: readonly string[]): Promise<void> {
  const groupVersion = group === '' ? version : `${group}/${version}`;
  if (group !== '') {
    const versions = expect.arrayContaining([{ groupVersion, version }]) as unknown;
    expect(await get('/apis')).toMatchObject({ groups: expect.arrayContaining([expect.objectContaining({ name: group, versions })]) as unknown });
    expect(await get(`/apis/${group}`)).toMatchObject({ kind: 'APIGroup', name: group, versions });
  }
  const found = await get(group === '' ? `/api/${version}` : `/apis/${groupVersion}`);
  expect(found).toMatchObject({ kind: 'APIResourceList', groupVersion, resources: expect.arrayContaining(resources.map((name) => expect.objectContaining({ name }) as unknown)) as unknown });
}

/**
 * Create (three), get, list, list of all namespaces, watch, patch, update, delete, deletecollection; the object in protobuf, too. `object` gives what is created, all but its
 * metadata. Leaves nothing behind.
 */
export async function expectOperations<T extends KubernetesObject>({ client, namespace }: ConformanceCluster, kind: Kind<T>, object: (metadata: ObjectMeta) => T): Promise<void> {
  const label = `conformance-${randomBytes(4).toString('hex')}`;
  const place = kind.scope === 'Cluster' ? {} : { namespace };
  const ours = { ...place, labelSelector: `${label}=yes` };
  const address = (at: T) => ({ ...place, name: at.metadata?.name ?? '' });
  const make = () => client.create(kind, object({ ...place, generateName: 'conformance-', labels: { [label]: 'yes' } }));

  const created = await make();
  await make();
  await make();
  expect(created.metadata).toMatchObject({ uid: expect.stringMatching(/./) as unknown, creationTimestamp: expect.stringMatching(/Z$/) as unknown, labels: { [label]: 'yes' } });

  const read = await client.get(kind, address(created));
  expect(read).toMatchObject({ apiVersion: apiVersionOf(kind), kind: kind.kind, metadata: { name: created.metadata?.name, uid: created.metadata?.uid } });
  await expectProtobuf(kind, address(created));
  const listed = await client.list(kind, ours);
  expect(listed.items).toHaveLength(3);
  expect((await client.list(kind, { labelSelector: ours.labelSelector })).items).toHaveLength(3);

  await using watch = watching(client, kind, { ...ours, resourceVersion: listed.metadata.resourceVersion ?? '' });
  const patched = await client.patch(kind, address(created), 'application/merge-patch+json', { metadata: { annotations: { patched: 'true' } } });
  expect(patched.metadata?.annotations).toMatchObject({ patched: 'true' });
  expect(read.metadata?.resourceVersion).toMatch(/^[1-9]\d*$/);
  expect(BigInt(patched.metadata?.resourceVersion ?? '0')).toBeGreaterThan(BigInt(read.metadata?.resourceVersion ?? '0'));
  // Controllers may write to it as well: the newest is written over.
  const updated = await eventually(async () => {
    const found = await client.get(kind, address(created));
    return client.update(kind, { ...found, metadata: { ...found.metadata, annotations: { ...found.metadata?.annotations, updated: 'true' } } });
  });
  expect(updated.metadata?.annotations).toMatchObject({ patched: 'true', updated: 'true' });
  await watch.until('MODIFIED', (event) => event.metadata?.annotations?.['patched'] === 'true');
  await watch.until('MODIFIED', (event) => event.metadata?.annotations?.['updated'] === 'true');

  await client.delete(kind, address(created));
  await watch.until('DELETED', (event) => event.metadata?.uid === created.metadata?.uid);
  await expect(client.get(kind, address(created))).rejects.toMatchObject({ code: 404, reason: 'NotFound' });
  expect((await client.list(kind, ours)).items).toHaveLength(2);
  await client.deleteCollection(kind, ours);
  await watch.until('DELETED');
  await watch.until('DELETED');
  expect((await client.list(kind, ours)).items).toEqual([]);
}

const protobuf = 'application/vnd.kubernetes.protobuf';

/** An object in the form that Kubernetes' own components use is there, and put back as it came changes nothing. */
async function expectProtobuf(kind: Kind, at: ObjectAddress): Promise<void> {
  const path = pathOf({ verb: 'get', group: kind.group, version: kind.version, resource: kind.plural, ...at });
  await eventually(async () => {
    const { bytes, headers } = await call('GET', path, { headers: { accept: protobuf } });
    expect(headers['content-type']).toBe(protobuf);
    const before = await get(path);
    const { code, text } = await call('PUT', path, { headers: { 'content-type': protobuf }, body: bytes });
    // Somebody else may have written in between.
    if (code === 409) throw new Error(text);
    expect([code, JSON.parse(text)]).toEqual([200, before]);
  });
}

interface WithConditions extends KubernetesObject {
  readonly status?: { readonly conditions?: readonly object[] };
}

/** Patch, update and read of `status`, by conditions of the kinds that have them; they stay. Controllers may write there too. */
export async function expectConditions({ client }: ConformanceCluster, kind: Kind, at: ObjectAddress, more: object = { lastTransitionTime: '2026-01-01T00:00:00Z' }): Promise<void> {
  const condition = (type: string) => ({ type, status: 'False', reason: 'Conformance', message: 'by a test', ...more });
  const added = async (type: string) => {
    const { status, ...rest } = await client.get<WithConditions>(kind, at);
    return { ...rest, status: { ...status, conditions: [...status?.conditions ?? [], condition(type)] } };
  };
  // With the version that was read: when somebody wrote in between, it is read again.
  const patched = await eventually(async () => {
    const { metadata, status } = await added('Patched');
    return client.patch<WithConditions>(kind, at, 'application/merge-patch+json', { metadata: { resourceVersion: metadata?.resourceVersion, annotations: { patched: 'status' } }, status }, { subresource: 'status' });
  });
  expect(patched.status?.conditions).toContainEqual(expect.objectContaining(condition('Patched')));
  const updated = await eventually(async () => client.updateStatus<WithConditions>(kind, await added('Updated')));
  expect(updated.status?.conditions).toContainEqual(expect.objectContaining(condition('Updated')));
  const { status } = await client.getSubresource<WithConditions>(kind, at, 'status');
  expect(status?.conditions).toEqual(expect.arrayContaining([expect.objectContaining(condition('Patched')), expect.objectContaining(condition('Updated'))]));
}
