import { describe, expect, it } from 'vitest';
import type { StatefulSet } from '../../../machinery/kinds/apps.ts';
import type { Pod } from '../../../machinery/kinds/core.ts';
import { eventually } from '../eventually.ts';
import { script, statefulSet } from '../manifests.ts';
import { useNamespace } from '../namespace.ts';

const kubectl = useNamespace('stateful-sets');

async function rolledOut(name: string): Promise<void> {
  await kubectl`rollout status statefulset/${name} --timeout=30s`;
}

const version = (value: string) => ({ env: [{ name: 'VERSION', value }] });
const versions = async (name: string) => (await kubectl`get pods -l app=${name} -o ${'jsonpath={range .items[*]}{.metadata.name}={.spec.containers[0].env[0].value} {end}'}`).trim();
const podWatch = (name: string) => kubectl.start`get pods -l app=${name} --watch --output-watch-events -o ${'jsonpath={.type} {.object.metadata.name} {.object.status.conditions[?(@.type=="Ready")].status}{"\\n"}'}`;
const size = async (name: string, replicas: number) => {
  await kubectl`scale statefulset ${name} --replicas=${String(replicas)}`;
  await kubectl`wait statefulset/${name} --for=jsonpath={.status.replicas}=${String(replicas)} --timeout=30s`;
};

const rolling = (value: string, partition: number) => statefulSet('phased', { container: version(value), set: { replicas: 3, updateStrategy: { rollingUpdate: { partition } } } });
const onDelete = (value: string) => statefulSet('manual', { container: version(value), set: { updateStrategy: { type: 'OnDelete' } } });

/** Lines of a watch that tell of something new: `web-0 made`, `web-0 ready`, `web-0 gone`. */
function story(output: string): readonly string[] {
  const lines = output.trimEnd().split('\n').map((line) => {
    const [type, name, ready] = line.split(' ');
    return type === 'ADDED' ? `${name} made` : type === 'DELETED' ? `${name} gone` : ready === 'True' ? `${name} ready` : '';
  });
  return lines.filter((line, index) => line !== '' && !lines.slice(0, index).includes(line));
}

describe('a StatefulSet', () => {
  it('makes its pods one after the other, each when the one before is ready, and removes them in the opposite order', async () => {
    await using watch = podWatch('web');
    await kubectl.apply(statefulSet('web', { set: { replicas: 3 } }));
    await rolledOut('web');
    await watch.until(/web-2 True/);
    await size('web', 0);
    await watch.until(/DELETED web-0/);
    expect(story(watch.output())).toEqual([
      'web-0 made', 'web-0 ready', 'web-1 made', 'web-1 ready', 'web-2 made', 'web-2 ready', 'web-2 gone', 'web-1 gone', 'web-0 gone',
    ]);
    await eventually(async () => {
      const events = await kubectl`get events --field-selector involvedObject.kind=StatefulSet,involvedObject.name=web -o ${'jsonpath={range .items[*]}{.reason}: {.message}{"\\n"}{end}'}`;
      expect(events).toContain('SuccessfulCreate: create Pod web-0 in StatefulSet web successful\n');
      expect(events).toContain('SuccessfulDelete: delete Pod web-2 in StatefulSet web successful\n');
    });
  });

  it('tells each pod its name', async () => {
    await kubectl.apply(statefulSet('named', { set: { ordinals: { start: 3 } } }));
    await rolledOut('named');
    expect(await kubectl`exec named-3 -- hostname`).toBe('named-3\n');
    const pod = await kubectl.object<Pod>`get pod named-3 -o json`;
    const set = await kubectl.object<StatefulSet>`get statefulset named -o json`;
    expect(pod.spec).toMatchObject({ hostname: 'named-3', subdomain: 'named' });
    expect(pod.metadata?.labels).toEqual({
      app: 'named', 'apps.kubernetes.io/pod-index': '3', 'statefulset.kubernetes.io/pod-name': 'named-3', 'controller-revision-hash': set.status?.currentRevision,
    });
    expect(await kubectl`get statefulset named`).toMatch(/named +1\/1/);
  });

  it('makes all pods at once when told to, ready or not', async () => {
    const container = { ...script('exec sleep 1000'), readinessProbe: { exec: { command: ['test', '-e', '/tmp/ready'] }, periodSeconds: 1 } };
    await kubectl.apply(statefulSet('burst', { container, set: { replicas: 3, podManagementPolicy: 'Parallel' } }));
    await kubectl`wait statefulset/burst --for=jsonpath={.status.replicas}=3 --timeout=30s`;
    expect((await kubectl.object<StatefulSet>`get statefulset burst -o json`).status?.readyReplicas).toBeUndefined();
    await size('burst', 0);
  });

  it('halts while a pod is not ready, in both directions', async () => {
    const container = { ...script('touch /tmp/ready; exec sleep 1000'), readinessProbe: { exec: { command: ['test', '-e', '/tmp/ready'] }, periodSeconds: 1, failureThreshold: 1 } };
    await kubectl.apply(statefulSet('halting', { container, set: { replicas: 2 } }));
    await rolledOut('halting');
    await kubectl`exec halting-0 -- rm /tmp/ready`;
    await kubectl`wait pod/halting-0 --for=condition=Ready=false --timeout=30s`;
    await kubectl`scale statefulset halting --replicas=3`;
    await kubectl`wait statefulset/halting --for=jsonpath={.status.observedGeneration}=2 --timeout=10s`;
    expect(await kubectl`get pods -l app=halting -o name`).toBe('pod/halting-0\npod/halting-1\n');
    await kubectl`scale statefulset halting --replicas=1`;
    await kubectl`wait statefulset/halting --for=jsonpath={.status.observedGeneration}=3 --timeout=10s`;
    expect(await kubectl`get pods -l app=halting -o name`).toBe('pod/halting-0\npod/halting-1\n');
    await kubectl`exec halting-0 -- touch /tmp/ready`;
    await kubectl`wait pod/halting-1 --for=delete --timeout=30s`;
  });

  it('makes a pod anew under its name when it is deleted or has failed', async () => {
    await kubectl.apply(statefulSet('lasting'));
    await rolledOut('lasting');
    const uid = () => kubectl`get pod lasting-0 -o ${'jsonpath={.metadata.uid}'}`;
    const first = await uid();
    await kubectl`delete pod lasting-0`;
    await eventually(async () => expect(await uid()).not.toBe(first));
    await rolledOut('lasting');
    const second = await uid();
    await kubectl`patch pod lasting-0 --subresource=status -p ${'{"status":{"phase":"Failed"}}'}`;
    await eventually(async () => expect(await uid()).not.toBe(second));
    await rolledOut('lasting');
    await eventually(async () => expect(await kubectl`get events --field-selector involvedObject.kind=StatefulSet,reason=RecreatingFailedPod`).toMatch(/StatefulSet stateful-sets\/lasting is recreating failed Pod lasting-0/));
  });
});

describe('an update of a StatefulSet', () => {
  it('replaces the highest first, and stops at the partition until told to go on', async () => {
    await kubectl.apply(rolling('1', 0));
    await rolledOut('phased');
    await kubectl.apply(rolling('2', 2));
    expect(await kubectl`rollout status statefulset/phased --timeout=30s`).toContain('partitioned roll out complete: 1 new pods have been updated...');
    expect(await versions('phased')).toBe('phased-0=1 phased-1=1 phased-2=2');

    await kubectl`delete pod phased-0 phased-2`;
    await kubectl`wait statefulset/phased --for=jsonpath={.status.readyReplicas}=3 --timeout=30s`;
    await eventually(async () => expect(await versions('phased')).toBe('phased-0=1 phased-1=1 phased-2=2'));

    await using watch = podWatch('phased');
    await watch.until(/ADDED phased-2/);
    await kubectl.apply(rolling('2', 0));
    await rolledOut('phased');
    await eventually(async () => expect(await versions('phased')).toBe('phased-0=2 phased-1=2 phased-2=2'));
    await watch.until(/DELETED phased-0/);
    expect(story(watch.output()).filter((line) => line.endsWith('gone'))).toEqual(['phased-1 gone', 'phased-0 gone']);
    const { status } = await kubectl.object<StatefulSet>`get statefulset phased -o json`;
    expect(status?.currentRevision).toBe(status?.updateRevision);
  });

  it('can be looked back at and taken back', async () => {
    await kubectl.apply(statefulSet('undone', { container: version('1') }));
    await rolledOut('undone');
    await kubectl`set env statefulset/undone VERSION=2`;
    await rolledOut('undone');
    expect(await kubectl`rollout history statefulset/undone`).toMatch(/^statefulset\.apps\/undone \nREVISION {2}CHANGE-CAUSE\n1 {9}<none>\n2 {9}<none>\n/);
    expect(await kubectl`rollout history statefulset/undone --revision=1`).toMatch(/VERSION:\s+1/);
    expect(await kubectl`rollout undo statefulset/undone`).toBe('statefulset.apps/undone rolled back\n');
    await rolledOut('undone');
    await eventually(async () => expect(await versions('undone')).toBe('undone-0=1'));
    expect(await kubectl`rollout history statefulset/undone`).toMatch(/\n2 {9}<none>\n3 {9}<none>\n/);
    expect(await kubectl`rollout restart statefulset/undone`).toBe('statefulset.apps/undone restarted\n');
    await rolledOut('undone');
    expect(await kubectl`get controllerrevisions -l app=undone`).toMatch(/statefulset\.apps\/undone/);
  });

  it('waits for the user with OnDelete', async () => {
    await kubectl.apply(onDelete('1'));
    await kubectl`wait statefulset/manual --for=jsonpath={.status.readyReplicas}=1 --timeout=30s`;
    await kubectl.apply(onDelete('2'));
    await kubectl`wait statefulset/manual --for=jsonpath={.status.observedGeneration}=2 --timeout=10s`;
    expect(await versions('manual')).toBe('manual-0=1');
    await kubectl`delete pod manual-0`;
    await eventually(async () => expect(await versions('manual')).toBe('manual-0=2'));
  });
});

describe('what a StatefulSet leaves', () => {
  it('is taken up again by another of its name, pods and history', async () => {
    await kubectl.apply(statefulSet('kept', { set: { replicas: 2 } }));
    await rolledOut('kept');
    const before = await kubectl`get pods -l app=kept -o ${'jsonpath={.items[*].metadata.uid}'}`;
    await kubectl`delete statefulset kept --cascade=orphan`;
    await kubectl.apply(statefulSet('kept', { set: { replicas: 2 } }));
    await rolledOut('kept');
    expect(await kubectl`get pods -l app=kept -o ${'jsonpath={.items[*].metadata.uid}'}`).toBe(before);
    expect(await kubectl`get controllerrevisions -l app=kept -o name`).toMatch(/^\S+\n$/);
    await kubectl`delete statefulset kept`;
    await kubectl`wait pod -l app=kept --for=delete --timeout=30s`;
    await kubectl`wait controllerrevision -l app=kept --for=delete --timeout=30s`;
  });
});
