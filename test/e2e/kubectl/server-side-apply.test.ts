import { describe, expect, it } from 'vitest';
import type { Deployment } from '../../../machinery/kinds/apps.ts';
import type { ConfigMap, Pod } from '../../../machinery/kinds/core.ts';
import type { KubernetesObject } from '../../../machinery/kinds/kind.ts';
import { deployment } from '../manifests.ts';
import { useNamespace } from '../namespace.ts';

const kubectl = useNamespace('kubectl-server-side');
const given = (object: object) => kubectl.with({ input: JSON.stringify(object) });
const configMap = (data: Readonly<Record<string, string>>) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'compared' }, data });

function managers({ metadata }: KubernetesObject): string[] {
  return (metadata?.managedFields ?? []).map(({ manager, operation, subresource }) => `${operation} ${manager}${subresource === undefined ? '' : ` ${subresource}`}`).toSorted();
}

/** What a manifest says is left out when it isn't given. */
const withReplicas = (replicas: number | undefined) => {
  const { spec, ...rest } = deployment('web');
  const { replicas: _replicas, ...others } = spec;
  return { ...rest, spec: { ...others, ...(replicas === undefined ? {} : { replicas }) } };
};

describe('kubectl apply --server-side', () => {
  it('shares a running workload with those who run it, and with whoever scales it', async () => {
    expect(await given(withReplicas(1))`apply --server-side -f -`).toBe('deployment.apps/web serverside-applied\n');
    await kubectl`rollout status deployment/web --timeout=30s`;
    const applied = await kubectl.object<Deployment>`get deployment web -o json --show-managed-fields`;
    expect(managers(applied)).toEqual(expect.arrayContaining(['Apply kubectl', 'Update kube-controller-manager status']));
    await kubectl`scale deployment/web --replicas=2`;
    const refused = await given(withReplicas(1)).refused`apply --server-side -f -`;
    expect(refused).toContain('Apply failed with 1 conflict: conflict with "kubectl" with subresource "scale" using apps/v1: .spec.replicas');
    expect(await given(withReplicas(undefined))`apply --server-side -f -`).toBe('deployment.apps/web serverside-applied\n');
    await kubectl`wait deployment/web --for=jsonpath={.status.readyReplicas}=2 --timeout=30s`;
    expect(await given(withReplicas(1))`apply --server-side --force-conflicts -f -`).toBe('deployment.apps/web serverside-applied\n');
    await kubectl`wait deployment/web --for=jsonpath={.status.replicas}=1 --timeout=30s`;
  });

  it('knows what the node says of a pod from what was asked for', async () => {
    const [pod] = (await kubectl.object<{ items: Pod[] }>`get pods -l app=web -o json --show-managed-fields`).items;
    const entries = pod?.metadata?.managedFields ?? [];
    expect(entries.map(({ subresource }) => subresource)).toEqual([undefined, 'status']);
    expect(Object.keys(entries[1]?.fieldsV1 ?? {})).toEqual(['f:status']);
    expect(Object.keys(Object(Reflect.get(entries[0]?.fieldsV1 ?? {}, 'f:spec')))).not.toContain('f:nodeName');
  });
});

describe('kubectl diff --server-side', () => {
  it('shows what an apply would change and changes nothing', async () => {
    await given(configMap({ a: 'before' }))`apply --server-side -f -`;
    const before = await kubectl.object<ConfigMap>`get configmap compared -o json`;
    expect(await given(configMap({ a: 'before' })).outcome`diff --server-side -f -`).toMatchObject({ code: 0, stdout: '' });
    const { code, stdout } = await given(configMap({ a: 'after' })).outcome`diff --server-side -f -`;
    expect(code).toBe(1);
    expect(stdout).toMatch(/^-\s+a: before$/m);
    expect(stdout).toMatch(/^\+\s+a: after$/m);
    expect(await kubectl.object<ConfigMap>`get configmap compared -o json`).toEqual(before);
  });
});
