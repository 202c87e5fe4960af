import { describe, expect, it } from 'vitest';
import { eventually } from '../eventually.ts';
import { deployment, script } from '../manifests.ts';
import { useNamespace } from '../namespace.ts';

const kubectl = useNamespace('deployments');

async function rolledOut(name: string): Promise<void> {
  await kubectl`rollout status deployment/${name} --timeout=30s`;
}

const version = (value: string) => ({ env: [{ name: 'VERSION', value }] });

const rolling = (value: string) => deployment('rolling', { replicas: 3, container: version(value), strategy: { rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } } });

const recreated = (value: string) => deployment('recreated', { replicas: 2, container: version(value), strategy: { type: 'Recreate' } });

describe('a Deployment', () => {
  it('replaces a pod that is deleted', async () => {
    await kubectl.apply(deployment('lasting'));
    await rolledOut('lasting');
    const before = await kubectl`get pods -l app=lasting -o name`;
    await kubectl`delete ${before.trim()}`;
    await rolledOut('lasting');
    expect(await kubectl`get pods -l app=lasting -o name`).not.toBe(before);
  });

  it('never has fewer pods ready nor more in all than its rolling update allows', async () => {
    await kubectl.apply(rolling('1'));
    await rolledOut('rolling');
    await using watch = kubectl.start`get deployment rolling --watch -o ${'jsonpath={.status.replicas} {.status.availableReplicas} {.status.updatedReplicas}{"\\n"}'}`;
    await watch.until(/^3 3 3$/m);
    await kubectl.apply(rolling('2'));
    await watch.until(/^4 3 1$/m);
    await rolledOut('rolling');
    await watch.until(/^3 3 3$/m);
    const seen = watch.output().trimEnd().split('\n').map((line) => line.split(' ').map(Number));
    expect(seen.every(([replicas = 0, available = 0]) => replicas <= 4 && available >= 3)).toBe(true);
    expect(await kubectl`get pods -l app=rolling -o ${'jsonpath={.items[*].spec.containers[0].env[0].value}'}`).toMatch(/^2 2 2( |$)/);
  });

  it('ends every old pod before the first new one with Recreate', async () => {
    await kubectl.apply(recreated('1'));
    await rolledOut('recreated');
    await using watch = kubectl.start`get pods -l app=recreated --watch --output-watch-events -o ${'jsonpath={.type} {.object.spec.containers[0].env[0].value} {.object.metadata.name} {.object.status.phase}{"\\n"}'}`;
    await watch.until(/ADDED 1[^]*ADDED 1/);
    await kubectl.apply(recreated('2'));
    await rolledOut('recreated');
    await watch.until(/ADDED 2[^]*ADDED 2/);
    const events = watch.output().trimEnd().split('\n').map((line) => line.split(' '));
    const before = events.slice(0, events.findIndex(([type, value]) => type === 'ADDED' && value === '2'));
    const ended = before.filter(([type, value, , phase]) => value === '1' && (type === 'DELETED' || phase === 'Succeeded' || phase === 'Failed'));
    expect(new Set(ended.map(([, , name]) => name)).size).toBe(2);
  });

  it('serves only with pods whose readiness probe succeeds', async () => {
    await kubectl.apply(deployment('probed', { container: { ...script('exec sleep 1000'), readinessProbe: { exec: { command: ['test', '-e', '/tmp/ready'] }, periodSeconds: 1 } } }));
    await kubectl`wait pod -l app=probed --for=jsonpath={.status.phase}=Running --timeout=30s`;
    expect(await kubectl`get deployment probed`).toMatch(/ 0\/1 /);
    await kubectl`exec deployment/probed -- touch /tmp/ready`;
    await rolledOut('probed');
  });

  it('keeps as many old replica sets as its history limit says', async () => {
    for (const value of ['1', '2', '3']) {
      await kubectl.apply(deployment('short', { replicas: 1, container: version(value), deployment: { revisionHistoryLimit: 1 } }));
      await rolledOut('short');
    }
    await eventually(async () => expect((await kubectl`get replicasets -l app=short -o name`).trim().split('\n')).toHaveLength(2));
  });
});

const configMap = (name: string, owners: readonly object[] = []) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, ownerReferences: owners } });

describe('what owners leave behind', () => {
  it('is collected: a deleted Deployment takes its replica sets and pods along', async () => {
    await kubectl.apply(deployment('collected', { replicas: 2 }));
    await rolledOut('collected');
    await kubectl`delete deployment collected`;
    await kubectl`wait pod -l app=collected --for=delete --timeout=30s`;
    await kubectl`wait replicasets -l app=collected --for=delete --timeout=30s`;
  });

  it('is collected by owner references of any kind, once the last owner is gone', async () => {
    await kubectl.apply(configMap('owner-a'), configMap('owner-b'));
    const uid = (name: string) => kubectl`get configmap ${name} -o ${'jsonpath={.metadata.uid}'}`;
    const reference = async (name: string) => ({ apiVersion: 'v1', kind: 'ConfigMap', name, uid: await uid(name) });
    await kubectl.apply(configMap('owned', [await reference('owner-a'), await reference('owner-b')]));
    await kubectl`delete configmap owner-a`;
    await kubectl`wait configmap/owned --for=jsonpath={.metadata.ownerReferences[0].name}=owner-b --timeout=30s`;
    await kubectl`delete configmap owner-b`;
    await kubectl`wait configmap/owned --for=delete --timeout=30s`;
  });

  it('goes with its namespace, which ends last', async () => {
    await kubectl`create namespace doomed`;
    const doomed = kubectl.with({ namespace: 'doomed' });
    await doomed.apply(deployment('web', { replicas: 2 }), { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'kept' } });
    await doomed`rollout status deployment/web --timeout=30s`;
    await using watch = kubectl.start`get namespace doomed --watch --output-watch-events`;
    await watch.until(/^ADDED\s+doomed\s+Active/m);
    await kubectl`delete namespace doomed`;
    await watch.until(/^MODIFIED\s+doomed\s+Terminating/m);
    await watch.until(/^DELETED\s+doomed/m);
    expect(await doomed`get pods,configmaps,deployments -o name`).toBe('');
    expect(await doomed.refused`create configmap late`).toContain('namespaces "doomed" not found');
  });
});
