import { describe, expect, it } from 'vitest';
import type { Deployment } from '../../../machinery/kinds/apps.ts';
import { deployment, script } from '../manifests.ts';
import { useNamespace } from '../namespace.ts';

const kubectl = useNamespace('kubectl-rollout');

async function rolledOut(name: string): Promise<void> {
  expect(await kubectl`rollout status deployment/${name} --timeout=30s`).toContain(`deployment "${name}" successfully rolled out\n`);
}

const colours = (name: string) => kubectl`get pods -l app=${name} -o ${'jsonpath={.items[*].spec.containers[0].env[0].value}'}`;

describe('kubectl scale', () => {
  it('changes the number of pods, up, down and to none', async () => {
    await kubectl.apply(deployment('scaled'));
    expect(await kubectl`scale deployment/scaled --replicas=3`).toBe('deployment.apps/scaled scaled\n');
    await kubectl`wait deployment/scaled --for=jsonpath={.status.readyReplicas}=3 --timeout=30s`;
    await kubectl`scale deployment scaled --replicas=1`;
    await kubectl`wait deployment/scaled --for=jsonpath={.status.replicas}=1 --timeout=30s`;
    await kubectl`scale deployment scaled --replicas=0`;
    await kubectl`wait pod -l app=scaled --for=delete --timeout=30s`;
    expect(await kubectl`get pods -l app=scaled -o name`).toBe('');
  });

  it('refuses when the size is not what was expected', async () => {
    await kubectl.apply(deployment('guarded', { replicas: 0 }));
    expect(await kubectl.refused`scale deployment guarded --current-replicas=2 --replicas=3`).toContain('Expected replicas to be 2, was 0');
    expect(await kubectl`get deployment guarded -o ${'jsonpath={.spec.replicas}'}`).toBe('0');
  });
});

describe('kubectl set and rollout', () => {
  it('rolls out a new image, keeps the history, and rolls back', async () => {
    await kubectl.apply(deployment('web', { replicas: 2, container: { env: [{ name: 'COLOUR', value: 'red' }] } }));
    await rolledOut('web');
    expect(await kubectl`set env deployment/web COLOUR=green`).toBe('deployment.apps/web env updated\n');
    await rolledOut('web');
    await kubectl`annotate deployment web ${'kubernetes.io/change-cause=the third'}`;
    expect(await kubectl`set image deployment/web main=docker.io/coracle.example/web:none`).toBe('deployment.apps/web image updated\n');

    const history = await kubectl`rollout history deployment/web`;
    expect(history).toMatch(/^deployment\.apps\/web \nREVISION {2}CHANGE-CAUSE\n1 {9}<none>\n2 {9}/);
    expect(await kubectl`rollout history deployment/web --revision=1`).toMatch(/^\s+COLOUR:\s+red$/m);

    expect(await kubectl`rollout undo deployment/web`).toBe('deployment.apps/web rolled back\n');
    await rolledOut('web');
    await kubectl`rollout undo deployment/web --to-revision=1`;
    await rolledOut('web');
    await kubectl`wait deployment/web --for=jsonpath={.status.replicas}=2 --timeout=30s`;
    expect((await kubectl.object<Deployment>`get deployment web -o json`).spec?.template.spec?.containers[0]).toMatchObject(
      { image: 'coracle.example/web:1', env: [{ name: 'COLOUR', value: 'red' }] });
    expect(await kubectl`rollout history deployment/web`).toMatch(/\n3 .*\n4 .*\n5 .*\n/);
  });

  it('serves with old pods while new ones cannot start, and says that it waits', async () => {
    await kubectl.apply(deployment('stuck', { replicas: 2, container: { env: [{ name: 'COLOUR', value: 'red' }] } }));
    await rolledOut('stuck');
    await kubectl`set image deployment/stuck main=coracle.example/absent:1`;
    await using status = kubectl.start`rollout status deployment/stuck`;
    await status.until(/Waiting for deployment "stuck" rollout to finish: 1 out of 2 new replicas have been updated/);
    const { stderr } = await kubectl.outcome`rollout status deployment/stuck --timeout=1s`;
    expect(stderr).toContain('timed out waiting for the condition');
    await kubectl`wait deployment/stuck --for=condition=Available --timeout=5s`;
    await kubectl`rollout undo deployment/stuck`;
    await rolledOut('stuck');
    expect(await colours('stuck')).toBe('red red');
  });

  it('restarts all pods', async () => {
    await kubectl.apply(deployment('restarted'));
    await rolledOut('restarted');
    const before = await kubectl`get pods -l app=restarted -o name`;
    expect(await kubectl`rollout restart deployment/restarted`).toBe('deployment.apps/restarted restarted\n');
    await rolledOut('restarted');
    await kubectl`wait ${before.trim()} --for=delete --timeout=30s`;
    expect(await kubectl`get pods -l app=restarted -o name`).not.toBe(before);
  });

  it('changes nothing while paused, and all at once when resumed', async () => {
    await kubectl.apply(deployment('paused', { container: { env: [{ name: 'COLOUR', value: 'red' }] } }));
    await rolledOut('paused');
    expect(await kubectl`rollout pause deployment/paused`).toBe('deployment.apps/paused paused\n');
    await kubectl`set env deployment/paused COLOUR=green`;
    await kubectl`set resources deployment/paused --limits=memory=32Mi`;
    await kubectl`wait deployment/paused --for=jsonpath={.status.observedGeneration}=${await kubectl`get deployment paused -o ${'jsonpath={.metadata.generation}'}`} --timeout=10s`;
    expect(await kubectl`get replicasets -l app=paused -o name`).toMatch(/^\S+\n$/);
    expect(await kubectl`rollout resume deployment/paused`).toBe('deployment.apps/paused resumed\n');
    await rolledOut('paused');
    expect(await kubectl`get replicasets -l app=paused -o name`).toMatch(/^\S+\n\S+\n$/);
    await kubectl`wait deployment/paused --for=jsonpath={.status.replicas}=1 --timeout=30s`;
  });

  it('reports a rollout that makes no progress', async () => {
    await kubectl.apply(deployment('late', { container: { ...script('sleep 1000'), readinessProbe: { exec: { command: ['false'] } } }, deployment: { progressDeadlineSeconds: 1 } }));
    expect(await kubectl.refused`rollout status deployment/late --timeout=30s`).toContain('error: deployment "late" exceeded its progress deadline');
  });
});
