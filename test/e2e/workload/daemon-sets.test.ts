import { describe, expect, it } from 'vitest';
import type { DaemonSet } from '../../../machinery/kinds/apps.ts';
import type { Pod } from '../../../machinery/kinds/core.ts';
import { eventually } from '../eventually.ts';
import { daemonSet, script } from '../manifests.ts';
import { useNamespace } from '../namespace.ts';

const kubectl = useNamespace('daemon-sets');

async function rolledOut(name: string): Promise<void> {
  expect(await kubectl`rollout status daemonset/${name} --timeout=30s`).toContain(`daemon set "${name}" successfully rolled out\n`);
}

const version = (value: string) => ({ env: [{ name: 'VERSION', value }] });
const theNode = async () => (await kubectl`get nodes -o ${'jsonpath={.items[0].metadata.name}'}`).trim();
const podsOf = async (name: string) => (await kubectl.object<{ items: Pod[] }>`get pods -l app=${name} -o json`).items.filter(({ metadata }) => metadata?.deletionTimestamp === undefined);
const surging = (value: string) => daemonSet('surging', { container: version(value), set: { updateStrategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } } } });
const onDelete = (value: string) => daemonSet('manual', { container: version(value), set: { updateStrategy: { type: 'OnDelete' } } });

describe('a DaemonSet', () => {
  it('runs a pod on the node, which the scheduler binds', async () => {
    await kubectl.apply(daemonSet('agent'));
    await rolledOut('agent');
    const node = await theNode();
    const [pod] = await podsOf('agent');
    expect(pod?.spec?.nodeName).toBe(node);
    expect(pod?.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution).toEqual({ nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: [node] }] }] });
    expect(pod?.spec?.tolerations?.map(({ key }) => key?.replace('node.kubernetes.io/', ''))).toEqual(['not-ready', 'unreachable', 'disk-pressure', 'memory-pressure', 'pid-pressure', 'unschedulable']);
    expect(await kubectl`get daemonset agent`).toMatch(/agent( +1){5} +<none>/);
    await eventually(async () => expect(await kubectl`get events --field-selector involvedObject.kind=DaemonSet`).toMatch(new RegExp(`SuccessfulCreate +daemonset/agent +Created pod: ${pod?.metadata?.name}\n`)));
  });

  it('replaces a pod that is deleted or has failed', async () => {
    await kubectl.apply(daemonSet('lasting'));
    await rolledOut('lasting');
    const name = async () => (await podsOf('lasting'))[0]?.metadata?.name ?? '';
    const first = await name();
    await kubectl`delete pod ${first}`;
    await rolledOut('lasting');
    const second = await name();
    expect(second).not.toBe(first);
    await kubectl`patch pod ${second} --subresource=status -p ${'{"status":{"phase":"Failed"}}'}`;
    await kubectl`wait pod/${second} --for=delete --timeout=30s`;
    await rolledOut('lasting');
    await eventually(async () => expect(await kubectl`get events --field-selector involvedObject.kind=DaemonSet,reason=FailedDaemonPod`).toContain(`Found failed daemon pod daemon-sets/${second} on node`));
  });

  it('follows the labels of nodes', async () => {
    const node = await theNode();
    await kubectl.apply(daemonSet('choosy', { spec: { nodeSelector: { 'daemon-sets.example/wanted': 'yes' } } }));
    await kubectl`wait daemonset/choosy --for=jsonpath={.status.observedGeneration}=1 --timeout=10s`;
    expect(await podsOf('choosy')).toEqual([]);
    try {
      await kubectl`label node ${node} daemon-sets.example/wanted=yes`;
      await kubectl`wait daemonset/choosy --for=jsonpath={.status.numberReady}=1 --timeout=30s`;
      await kubectl`label node ${node} daemon-sets.example/wanted=no --overwrite`;
      await kubectl`wait pod -l app=choosy --for=delete --timeout=30s`;
      await kubectl`wait daemonset/choosy --for=jsonpath={.status.desiredNumberScheduled}=0 --timeout=10s`;
    } finally {
      await kubectl`label node ${node} daemon-sets.example/wanted-`;
    }
  });
});

describe('an update of a DaemonSet', () => {
  it('replaces the old pod, can be looked back at, taken back and done again', async () => {
    await kubectl.apply(daemonSet('rolling', { container: version('1') }));
    await rolledOut('rolling');
    await kubectl`set env daemonset/rolling VERSION=2`;
    await rolledOut('rolling');
    expect((await podsOf('rolling')).map(({ spec }) => spec?.containers[0]?.env?.[0]?.value)).toEqual(['2']);
    expect(await kubectl`rollout history daemonset/rolling`).toMatch(/^daemonset\.apps\/rolling \nREVISION {2}CHANGE-CAUSE\n1 {9}<none>\n2 {9}<none>\n/);
    expect(await kubectl`rollout undo daemonset/rolling --to-revision=1`).toBe('daemonset.apps/rolling rolled back\n');
    await rolledOut('rolling');
    expect((await podsOf('rolling')).map(({ spec }) => spec?.containers[0]?.env?.[0]?.value)).toEqual(['1']);
    expect(await kubectl`rollout history daemonset/rolling`).toMatch(/\n2 {9}<none>\n3 {9}<none>\n/);
    const before = (await podsOf('rolling'))[0]?.metadata?.name;
    expect(await kubectl`rollout restart daemonset/rolling`).toBe('daemonset.apps/rolling restarted\n');
    await rolledOut('rolling');
    expect((await podsOf('rolling'))[0]?.metadata?.name).not.toBe(before);
  });

  it('with surge has a new pod ready before the old one goes', async () => {
    await kubectl.apply(surging('1'));
    await rolledOut('surging');
    await using watch = kubectl.start`get pods -l app=surging --watch -o ${'jsonpath={.spec.containers[0].env[0].value} ready={.status.conditions[?(@.type=="Ready")].status} going={.metadata.deletionTimestamp}{"\\n"}'}`;
    await watch.until(/^1 ready=True going=$/m);
    await kubectl.apply(surging('2'));
    await rolledOut('surging');
    await watch.until(/^2 ready=True going=$[^]*^1 ready=\w+ going=\d/m);
    expect(watch.output()).not.toMatch(/^1 ready=\w+ going=\d[^]*^2 ready=True/m);
    await eventually(async () => expect(await podsOf('surging')).toHaveLength(1));
  });

  it('leaves a broken rollout where it is, and mends it when it is taken back', async () => {
    await kubectl.apply(daemonSet('stuck', { container: version('1') }));
    await rolledOut('stuck');
    await kubectl.apply(daemonSet('stuck', { container: { ...version('2'), ...script('sleep 1000'), readinessProbe: { exec: { command: ['false'] } } } }));
    await kubectl`wait daemonset/stuck --for=jsonpath={.status.updatedNumberScheduled}=1 --timeout=30s`;
    expect((await kubectl.object<DaemonSet>`get daemonset stuck -o json`).status).toMatchObject({ numberReady: 0, numberUnavailable: 1 });
    await kubectl`rollout undo daemonset/stuck`;
    await rolledOut('stuck');
  });

  it('waits for the user with OnDelete', async () => {
    await kubectl.apply(onDelete('1'));
    await kubectl`wait daemonset/manual --for=jsonpath={.status.numberReady}=1 --timeout=30s`;
    await kubectl.apply(onDelete('2'));
    await kubectl`wait daemonset/manual --for=jsonpath={.status.observedGeneration}=2 --timeout=10s`;
    const [old] = await podsOf('manual');
    expect(old?.spec?.containers[0]?.env?.[0]?.value).toBe('1');
    await kubectl`delete pod ${old?.metadata?.name ?? ''}`;
    await eventually(async () => expect((await podsOf('manual')).map(({ spec }) => spec?.containers[0]?.env?.[0]?.value)).toEqual(['2']));
  });
});
