/** What Kubernetes' conformance suite demands of every `scale` subresource. */
import { expect } from 'vitest';
import type { ObjectAddress } from '../../../client/client.ts';
import type { Kind, KubernetesObject } from '../../../machinery/kinds/kind.ts';
import type { ConformanceCluster } from '../cluster.ts';

interface Scale extends KubernetesObject {
  readonly spec?: { readonly replicas?: number };
  readonly status?: { readonly replicas: number; readonly selector?: string };
}

interface Scaled extends KubernetesObject {
  readonly spec?: { readonly replicas?: number };
}

/** Read, updated (to 2) and patched (to 4), from 1; what was written is the object's own `spec.replicas`. */
export async function expectScale({ client }: ConformanceCluster, kind: Kind, at: ObjectAddress, selector: string): Promise<void> {
  const replicasOf = async () => (await client.get<Scaled>(kind, at)).spec?.replicas;
  const read = await client.getSubresource<Scale>(kind, at, 'scale');
  expect(read).toMatchObject({ apiVersion: 'autoscaling/v1', kind: 'Scale', metadata: at, spec: { replicas: 1 }, status: { selector } });
  // Without the version that was read: the controller may write meanwhile.
  const { resourceVersion: _read, ...metadata } = read.metadata ?? {};
  const updated = await client.updateSubresource<Scale>(kind, at, 'scale', { ...read, metadata, spec: { replicas: 2 } });
  expect(updated.spec?.replicas).toBe(2);
  expect(await replicasOf()).toBe(2);
  const patched = await client.patch<Scale>(kind, at, 'application/strategic-merge-patch+json', { spec: { replicas: 4 } }, { subresource: 'scale' });
  expect(patched.spec?.replicas).toBe(4);
  expect(await replicasOf()).toBe(4);
}
