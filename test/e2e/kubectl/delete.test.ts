import { describe, expect, it } from 'vitest';
import type { Pod } from '../../../machinery/kinds/core.ts';
import { deployment, pod, script } from '../manifests.ts';
import { useNamespace } from '../namespace.ts';

const kubectl = useNamespace('kubectl-delete');

/** Ignores SIGTERM; says when it got it. */
const stubborn = script("trap 'echo asked to end' TERM; echo ready; while true; do sleep 0.1; done");
const obedient = script("trap 'echo bye; exit 0' TERM; echo ready; while true; do sleep 0.1; done");

async function running(name: string, ...options: readonly Parameters<typeof pod>[1][]): Promise<void> {
  await kubectl.apply(pod(name, ...options));
  await kubectl`wait pod/${name} --for=condition=Ready --timeout=30s`;
}

/** Milliseconds that `action` took. */
async function timed(action: () => Promise<unknown>): Promise<number> {
  const since = performance.now();
  await action();
  return performance.now() - since;
}

const configMap = (name: string, set: string) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, labels: { set } } });

describe('kubectl delete', () => {
  it('waits until the pod is gone, which ends when its processes do', async () => {
    await running('obedient', { container: obedient, spec: { terminationGracePeriodSeconds: 30 } });
    expect(await timed(async () => expect(await kubectl`delete pod obedient`).toMatch(/^pod "obedient" deleted( from kubectl-delete namespace)?\n$/))).toBeLessThan(8000);
    await kubectl.refused`get pod obedient`;
  });

  it('kills what does not end within the grace period', async () => {
    await running('stubborn', { container: stubborn, spec: { terminationGracePeriodSeconds: 2 } });
    await using logs = kubectl.start`logs -f stubborn`;
    await logs.until(/ready/);
    const took = await timed(() => kubectl`delete pod stubborn`);
    await logs.until(/asked to end/);
    expect(took).toBeGreaterThan(1900);
    expect(took).toBeLessThan(8000);
  });

  it('takes --grace-period over the pod’s own', async () => {
    await running('patient', { container: stubborn, spec: { terminationGracePeriodSeconds: 300 } });
    await kubectl`delete pod patient --wait=false`;
    const deleting = await kubectl.object<Pod>`get pod patient -o json`;
    expect(deleting.metadata).toMatchObject({ deletionGracePeriodSeconds: 300, deletionTimestamp: expect.any(String) });
    expect(await kubectl`get pod patient`).toContain('Terminating');
    expect(await timed(() => kubectl`delete pod patient --grace-period=1`)).toBeLessThan(10_000);
  });

  it('forgets a pod at once with --force, and warns', async () => {
    await running('forced', { container: stubborn, spec: { terminationGracePeriodSeconds: 300 } });
    const { code, stdout, stderr } = await kubectl.outcome`delete pod forced --force`;
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/^pod "forced" force deleted/) });
    expect(stderr).toContain('Warning: Immediate deletion does not wait for confirmation that the running resource has been terminated.');
    await kubectl.refused`get pod forced`;
  });

  it('deletes by label, all of a kind, and from a manifest', async () => {
    await kubectl.apply(configMap('one', 'first'), configMap('two', 'first'), configMap('three', 'second'), configMap('four', 'second'));
    expect((await kubectl`delete configmap -l set=first`).match(/deleted/g)).toHaveLength(2);
    await kubectl.with({ input: JSON.stringify(configMap('three', 'second')) })`delete -f -`;
    expect(await kubectl`get configmap -l set -o name`).toBe('configmap/four\n');
    await kubectl`delete configmap --all`;
    expect(await kubectl`get configmap -l set -o name`).toBe('');
  });

  it('says so when there is nothing to delete, unless told to ignore it', async () => {
    expect(await kubectl.refused`delete pod nobody`).toBe('Error from server (NotFound): pods "nobody" not found\n');
    expect(await kubectl`delete pod nobody --ignore-not-found`).toBe('');
  });

  it('takes a deployment’s pods with it, or leaves them with --cascade=orphan', async () => {
    await kubectl.apply(deployment('taken'), deployment('orphaning'));
    await kubectl`rollout status deployment/taken --timeout=30s`;
    await kubectl`rollout status deployment/orphaning --timeout=30s`;
    await kubectl`delete deployment taken --cascade=foreground`;
    expect(await kubectl`get replicasets,pods -l app=taken -o name`).toBe('');
    await kubectl`delete deployment orphaning --cascade=orphan`;
    const set = await kubectl`get replicasets -l app=orphaning -o ${'jsonpath={.items[0].metadata.ownerReferences}'}`;
    expect(set).toBe('');
    expect(await kubectl`get pods -l app=orphaning -o name`).toMatch(/^pod\/orphaning-\S+\n$/);
    await kubectl`delete replicasets -l app=orphaning`;
    await kubectl`wait pod -l app=orphaning --for=delete --timeout=30s`;
  });
});

describe('kubectl wait', () => {
  it('waits for a condition, a field, and the end of an object', async () => {
    await kubectl.apply(pod('awaited', { container: stubborn, spec: { terminationGracePeriodSeconds: 2 } }));
    expect(await kubectl`wait pod/awaited --for=condition=Ready --timeout=30s`).toBe('pod/awaited condition met\n');
    expect(await kubectl`wait pod/awaited --for=jsonpath={.status.phase}=Running --timeout=30s`).toBe('pod/awaited condition met\n');
    await using gone = kubectl.start`wait pod/awaited --for=delete --timeout=30s`;
    await kubectl`delete pod awaited --wait=false`;
    expect(await gone.ended).toMatchObject({ code: 0, stdout: 'pod/awaited condition met\n' });
  });

  it('waits for an object that is yet to come', async () => {
    await using created = kubectl.start`wait configmap/coming --for=create --timeout=30s`;
    await kubectl`create configmap coming`;
    expect(await created.ended).toMatchObject({ code: 0, stdout: 'configmap/coming condition met\n' });
  });

  it('gives up at its timeout', async () => {
    await kubectl`create configmap still`;
    expect(await kubectl.refused`wait configmap/still --for=delete --timeout=1s`).toBe('error: timed out waiting for the condition on configmaps/still\n');
  });
});
