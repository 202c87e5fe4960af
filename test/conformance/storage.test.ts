import { describe, expect, it } from 'vitest';
import { ConfigMap, PersistentVolume, PersistentVolumeClaim, Pod, Secret } from '../../machinery/kinds/core.ts';
import type { Kind, KubernetesObject, ObjectMeta } from '../../machinery/kinds/kind.ts';
import { CSIDriver, CSINode, CSIStorageCapacity, StorageClass, VolumeAttachment, VolumeAttributesClass } from '../../machinery/kinds/storage.ts';
import { eventually } from '../e2e/eventually.ts';
import { useCluster } from './cluster.ts';
import { unique } from './definitions.ts';
import { expectConditions, expectDiscovered, expectOperations } from './operations.ts';

const cluster = useCluster('storage');

const volume = (metadata: ObjectMeta): PersistentVolume => ({
  metadata,
  spec: {
    accessModes: ['ReadWriteOnce'], capacity: { storage: '2Gi' }, persistentVolumeReclaimPolicy: 'Retain', storageClassName: `nobody-provisions-${cluster.namespace}`,
    csi: { driver: 'e2e-driver.example.com', volumeHandle: 'e2e-volume' },
  },
});

/** Of another class than `volume`: the two are not bound to each other. */
const volumeClaim = (metadata: ObjectMeta): PersistentVolumeClaim => ({
  metadata, spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, storageClassName: `nobody-claims-${cluster.namespace}` },
});

const attachment = (metadata: ObjectMeta): VolumeAttachment => ({ metadata, spec: { attacher: 'e2e-test.example.com', nodeName: 'e2e-node', source: { persistentVolumeName: 'e2e-volume' } } });

describe('[sig-storage]', () => {
  it('CSIInlineVolumes should support CSIVolumeSource in Pod API', async () => {
    const { client, namespace } = cluster;
    const volumes = [{ name: 'csi-inline-vol1', csi: { driver: 'e2e.example.com' } }, { name: 'csi-inline-vol2', csi: { driver: 'e2e.example.com', fsType: 'ext4', readOnly: true } }];
    const volumeMounts = [{ name: 'csi-inline-vol1', mountPath: '/mnt/vol1' }, { name: 'csi-inline-vol2', mountPath: '/mnt/vol2' }];
    const pod = (metadata: ObjectMeta): Pod => ({ metadata, spec: { volumes, containers: [{ name: 'main', image: 'registry.example/busybox', volumeMounts }] } });
    await expectOperations(cluster, Pod, pod);

    const { metadata, spec } = await client.create(Pod, pod({ namespace, generateName: 'inline-' }));
    expect(spec?.volumes).toEqual(expect.arrayContaining(volumes));
    await expect(client.create(Pod, pod({ namespace, name: metadata?.name ?? '' }))).rejects.toMatchObject({ code: 409, reason: 'AlreadyExists' });
    await client.delete(Pod, { namespace, name: metadata?.name ?? '' });
  });

  it('CSIInlineVolumes should run through the lifecycle of a CSIDriver', async () => {
    await expectOperations(cluster, CSIDriver, (metadata) => ({ metadata, spec: { volumeLifecycleModes: ['Persistent', 'Ephemeral'], fsGroupPolicy: 'ReadWriteOnceWithFSType' } }));
    await expectLabels(CSIDriver, (metadata) => ({ metadata, spec: { volumeLifecycleModes: ['Ephemeral'], fsGroupPolicy: 'ReadWriteOnceWithFSType' } }));
  });

  it('CSINodes CSI Conformance should run through the lifecycle of a csinode', async () => {
    const csiNode = (metadata: ObjectMeta): CSINode => ({ metadata, spec: { drivers: [{ name: 'e2e-driver', nodeID: 'e2e-node', topologyKeys: ['topology.example.com/zone'] }] } });
    await expectOperations(cluster, CSINode, csiNode);
    await expectLabels(CSINode, csiNode);
  });

  it('CSIStorageCapacity should support CSIStorageCapacities API operations', async () => {
    await expectDiscovered(CSIStorageCapacity, 'csistoragecapacities');
    await expectOperations(cluster, CSIStorageCapacity, (metadata) => ({ metadata, storageClassName: 'example', capacity: '1Gi', nodeTopology: { matchLabels: { 'topology.example.com/zone': 'a' } } }));
  });

  it('StorageClasses CSI Conformance should run through the lifecycle of a StorageClass', async () => {
    const storageClass = (metadata: ObjectMeta): StorageClass => ({ metadata, provisioner: 'e2e-fake-provisioner', reclaimPolicy: 'Delete', volumeBindingMode: 'Immediate' });
    await expectOperations(cluster, StorageClass, storageClass);
    await expectLabels(StorageClass, storageClass);
  });

  it('VolumeAttributesClass [FeatureGate:VolumeAttributesClass] should run through the lifecycle of a VolumeAttributesClass', async () => {
    const attributes = (metadata: ObjectMeta): VolumeAttributesClass => ({ metadata, driverName: 'e2e-fake-driver', parameters: { iops: '3000', throughput: '125' } });
    await expectOperations(cluster, VolumeAttributesClass, attributes);
    await expectLabels(VolumeAttributesClass, attributes);
  });

  it('VolumeAttachment Conformance should run through the lifecycle of a VolumeAttachment', async () => {
    await expectOperations(cluster, VolumeAttachment, attachment);
    await expectLabels(VolumeAttachment, attachment);
  });

  it('VolumeAttachment Conformance should apply changes to a volumeattachment status', async () => {
    const { client } = cluster;
    const at = { name: (await client.create(VolumeAttachment, attachment({ generateName: 'attached-' }))).metadata?.name ?? '' };
    const patched = await client.patch(VolumeAttachment, at, 'application/merge-patch+json', { status: { attached: true } }, { subresource: 'status' });
    expect(patched.status?.attached).toBe(true);
    const read = await client.getSubresource<VolumeAttachment>(VolumeAttachment, at, 'status');
    expect(read).toMatchObject({ metadata: { name: at.name }, status: { attached: true } });
    const updated = await client.updateStatus(VolumeAttachment, { ...read, status: { attached: false } });
    expect(updated.status?.attached).toBe(false);
    expect((await client.get(VolumeAttachment, at)).status?.attached).toBe(false);
    await client.delete(VolumeAttachment, at);
  });

  it('PersistentVolumes CSI Conformance should run through the lifecycle of a PV and a PVC', async () => {
    await expectOperations(cluster, PersistentVolume, volume);
    await expectLabels(PersistentVolume, volume);
    await expectOperations(cluster, PersistentVolumeClaim, volumeClaim);
    await expectLabels(PersistentVolumeClaim, volumeClaim);
  });

  it('PersistentVolumes CSI Conformance should apply changes to a pv/pvc status', async () => {
    const { client, namespace } = cluster;
    const labels = { [unique('e2e')]: 'yes' };
    const labelSelector = Object.keys(labels)[0] ?? '';
    const { metadata: { name: claimName = '' } = {} } = await client.create(PersistentVolumeClaim, volumeClaim({ namespace, generateName: 'pvc-', labels }));
    const { metadata: { name = '' } = {} } = await client.create(PersistentVolume, volume({ generateName: 'pv-', labels }));
    expect((await client.list(PersistentVolume, { labelSelector })).items).toHaveLength(1);
    expect((await client.list(PersistentVolumeClaim, { namespace, labelSelector })).items).toHaveLength(1);

    const claim = await client.getSubresource<PersistentVolumeClaim>(PersistentVolumeClaim, { namespace, name: claimName }, 'status');
    expect(claim.status?.phase).toBe('Pending');
    const read = await client.getSubresource<PersistentVolume>(PersistentVolume, { name }, 'status');
    expect(['Pending', 'Available']).toContain(read.status?.phase);

    await expectConditions(cluster, PersistentVolumeClaim, { namespace, name: claimName });
    for (const reason of ['StatusPatched', 'StatusPatchedAgain']) {
      const { status } = await client.patch(PersistentVolume, { name }, 'application/merge-patch+json', { status: { message: `${reason} by a test`, reason } }, { subresource: 'status' });
      expect(status).toMatchObject({ reason, message: `${reason} by a test` });
    }
    const updated = await eventually(async () => {
      const found = await client.get(PersistentVolume, { name });
      return client.updateStatus(PersistentVolume, { ...found, status: { ...found.status, reason: 'StatusUpdated', message: 'updated' } });
    });
    expect(updated.status).toMatchObject({ reason: 'StatusUpdated', message: 'updated' });
    await client.delete(PersistentVolumeClaim, { namespace, name: claimName });
    await client.delete(PersistentVolume, { name });
  });

  it('ConfigMap should be immutable if `immutable` field is set', async () => {
    await expectImmutability(ConfigMap, (value, metadata): ConfigMap => ({ metadata, data: { 'data-1': value } }));
  });

  it('Secrets should be immutable if `immutable` field is set', async () => {
    await expectImmutability(Secret, (value, metadata): Secret => ({ metadata, data: { 'data-1': Buffer.from(value).toString('base64') } }));
  });
});

/** Labels that a patch and an update give are found by selectors, and by the deletion of a collection. */
async function expectLabels<T extends KubernetesObject>(kind: Kind<T>, object: (metadata: ObjectMeta) => T): Promise<void> {
  const { client } = cluster;
  const place = kind.scope === 'Cluster' ? {} : { namespace: cluster.namespace };
  const label = unique('e2e');
  const name = (await client.create(kind, object({ ...place, generateName: 'e2e-' }))).metadata?.name ?? '';
  const patched = await client.patch(kind, { ...place, name }, 'application/strategic-merge-patch+json', { metadata: { labels: { [label]: 'patched' } } });
  expect(patched.metadata?.labels).toMatchObject({ [label]: 'patched' });
  expect((await client.list(kind, { ...place, labelSelector: `${label}=patched` })).items).toHaveLength(1);
  // Controllers may write to it as well: the newest is written over.
  const updated = await eventually(async () => {
    const found = await client.get(kind, { ...place, name });
    return client.update(kind, { ...found, metadata: { ...found.metadata, labels: { ...found.metadata?.labels, [label]: 'updated' } } });
  });
  expect(updated.metadata?.labels).toMatchObject({ [label]: 'updated' });
  await client.deleteCollection(kind, { ...place, labelSelector: `${label}=patched` });
  expect((await client.list(kind, { ...place, labelSelector: `${label}=updated` })).items).toHaveLength(1);
  await client.deleteCollection(kind, { ...place, labelSelector: `${label}=updated` });
  const left = (await client.list(kind, { ...place, labelSelector: `${label}=updated` })).items;
  expect(left.filter((each) => each.metadata?.deletionTimestamp === undefined)).toEqual([]);
}

async function expectImmutability<T extends KubernetesObject & { readonly immutable?: boolean }>(kind: Kind<T>, object: (value: string, metadata: ObjectMeta) => T): Promise<void> {
  const { client, namespace } = cluster;
  const at = { namespace, name: unique('immutable') };
  await client.create(kind, object('value-1', at));
  await client.update(kind, object('value-2', at));
  const immutable = await client.update(kind, { ...object('value-3', at), immutable: true });
  expect(immutable.immutable).toBe(true);
  await expect(client.update(kind, { ...object('value-4', at), immutable: true })).rejects.toMatchObject({ code: 422, reason: 'Invalid' });
  await expect(client.update(kind, { ...object('value-3', at), immutable: false })).rejects.toMatchObject({ code: 422, reason: 'Invalid' });
  const labelled = await client.update(kind, { ...object('value-3', { ...at, labels: { still: 'changing' } }), immutable: true });
  expect(labelled.metadata?.labels).toEqual({ still: 'changing' });
  await client.delete(kind, at);
  await expect(client.get(kind, at)).rejects.toMatchObject({ code: 404 });
}
