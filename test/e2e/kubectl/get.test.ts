import { beforeAll, describe, expect, it } from 'vitest';
import type { Pod } from '../../../machinery/kinds/core.ts';
import { eventually } from '../eventually.ts';
import { deployment, pod } from '../manifests.ts';
import { useNamespace } from '../namespace.ts';

const kubectl = useNamespace('kubectl-get');

beforeAll(async () => {
  await kubectl.apply(deployment('web', { replicas: 2 }), pod('alone', { labels: { app: 'alone' } }));
  await kubectl`rollout status deployment/web --timeout=30s`;
  await kubectl`wait pod/alone --for=condition=Ready --timeout=30s`;
});

/** Lines of a table, each split into its columns. */
const rows = (table: string): string[][] => table.trimEnd().split('\n').map((line) => line.trimEnd().split(/ {2,}/));

describe('kubectl get', () => {
  it("prints Kubernetes' columns for pods and deployments", async () => {
    const [header, alone] = rows(await kubectl`get pods -l app=alone`);
    expect(header).toEqual(['NAME', 'READY', 'STATUS', 'RESTARTS', 'AGE']);
    expect(alone).toEqual(['alone', '1/1', 'Running', '0', expect.stringMatching(/^\d+s$/)]);
    const [columns, web] = rows(await kubectl`get deployment web`);
    expect(columns).toEqual(['NAME', 'READY', 'UP-TO-DATE', 'AVAILABLE', 'AGE']);
    expect(web).toEqual(['web', '2/2', '2', '2', expect.stringMatching(/^\d+s$/)]);
  });

  it('adds address and node with -o wide', async () => {
    const [header, alone] = rows(await kubectl`get pods -l app=alone -o wide`);
    expect(header).toEqual(['NAME', 'READY', 'STATUS', 'RESTARTS', 'AGE', 'IP', 'NODE', 'NOMINATED NODE', 'READINESS GATES']);
    const { status, spec } = await kubectl.object<Pod>`get pod alone -o json`;
    expect(alone?.slice(5)).toEqual([status?.podIP, spec?.nodeName, '<none>', '<none>']);
    const [wide, web] = rows(await kubectl`get deployment web -o wide`);
    expect(wide?.slice(5)).toEqual(['CONTAINERS', 'IMAGES', 'SELECTOR']);
    expect(web?.slice(5)).toEqual(['main', 'coracle.example/web:1', 'app=web']);
    expect(rows(await kubectl`get nodes -o wide`)[0]).toEqual(
      ['NAME', 'STATUS', 'ROLES', 'AGE', 'VERSION', 'INTERNAL-IP', 'EXTERNAL-IP', 'OS-IMAGE', 'KERNEL-VERSION', 'CONTAINER-RUNTIME']);
  });

  it('prints whole objects with -o yaml, with what the server defaulted', async () => {
    const alone = await kubectl.object<Pod>`get pod alone -o yaml`;
    expect(alone).toMatchObject({
      apiVersion: 'v1', kind: 'Pod', metadata: { name: 'alone', namespace: 'kubectl-get', labels: { app: 'alone' } },
      spec: { restartPolicy: 'Always', dnsPolicy: 'ClusterFirst', schedulerName: 'default-scheduler', serviceAccountName: 'default' },
      status: { phase: 'Running', qosClass: 'BestEffort', containerStatuses: [{ name: 'main', ready: true, restartCount: 0, started: true }] },
    });
    expect(alone.metadata?.managedFields).toBeUndefined();
    expect((await kubectl.object<Pod>`get pod alone -o yaml --show-managed-fields`).metadata?.managedFields).not.toEqual([]);
  });

  it('evaluates jsonpath, custom columns and names', async () => {
    const names = await kubectl`get pods -l app=web -o ${'jsonpath={range .items[*]}{.metadata.labels.app}={.status.phase}{"\\n"}{end}'}`;
    expect(names).toBe('web=Running\nweb=Running\n');
    expect(await kubectl`get pods -l app=alone -o ${'custom-columns=N:.metadata.name,P:.status.phase'}`).toBe('N       P\nalone   Running\n');
    expect(await kubectl`get pods -l app=alone -o name`).toBe('pod/alone\n');
  });

  it('selects by labels and fields, sorts, and shows labels', async () => {
    expect(await kubectl`get pods -l ${'app notin (web)'} -o name`).toBe('pod/alone\n');
    expect(await kubectl`get pods --field-selector=metadata.name=alone,status.phase=Running -o name`).toBe('pod/alone\n');
    expect((await kubectl`get pods --sort-by=.metadata.name -o name`).split('\n')[0]).toBe('pod/alone');
    expect(rows(await kubectl`get pods -l app=alone --show-labels`)[1]?.at(-1)).toBe('app=alone');
    expect(rows(await kubectl`get pods -l app=alone -L app`)[1]?.at(-1)).toBe('alone');
  });

  it('gets several kinds at once, and categories', async () => {
    const all = await kubectl`get all -o name`;
    expect(all).toMatch(/^deployment\.apps\/web$/m);
    expect(all).toMatch(/^replicaset\.apps\/web-[a-z0-9]+$/m);
    expect(all).toMatch(/^pod\/alone$/m);
    expect(await kubectl`get deploy/web pod/alone -o name`).toBe('deployment.apps/web\npod/alone\n');
  });

  it('says what is not there', async () => {
    expect(await kubectl.refused`get pod nobody`).toBe('Error from server (NotFound): pods "nobody" not found\n');
    expect((await kubectl.outcome`get configmaps -l nothing=here`).stderr).toBe('No resources found in kubectl-get namespace.\n');
    expect(await kubectl.refused`get gadgets`).toContain(`the server doesn't have a resource type "gadgets"`);
  });

  it('pages through long lists', async () => {
    const names = Array.from({ length: 7 }, (_none, index) => `paged-${index}`);
    await kubectl.apply(...names.map((name) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, labels: { paged: 'yes' } } })));
    expect(await kubectl`get configmaps -l paged=yes --chunk-size=2 -o name`).toBe(names.map((name) => `configmap/${name}\n`).join(''));
  });
});

describe('kubectl get --watch', () => {
  it('shows an object come, change and go', async () => {
    await kubectl.apply(pod('there-before', { labels: { app: 'watched' } }));
    await using watch = kubectl.start`get pods -l app=watched --watch --output-watch-events`;
    await watch.until(/^ADDED\s+there-before\s/m);
    await kubectl.apply(pod('watched', { labels: { app: 'watched' } }));
    await watch.until(/^ADDED\s+watched\s+0\/1\s+Pending\s/m);
    await watch.until(/^MODIFIED\s+watched\s+1\/1\s+Running\s/m);
    await kubectl`delete pod watched`;
    await watch.until(/^DELETED\s+watched\s/m);
  });

  it('sees only what comes later with --watch-only', async () => {
    await kubectl.apply({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'there', labels: { watched: 'only' } } });
    await using watch = kubectl.start`get configmaps -l watched=only --watch-only -o ${'jsonpath={.metadata.annotations.round}{"\\n"}'}`;
    // Nothing tells when the watch has begun: changes are made until it has seen one.
    let round = 0;
    await eventually(async () => {
      await kubectl`annotate configmap there round=${String(++round)} --overwrite`;
      await watch.until(/^\d+$/m, 500);
    });
    expect(watch.output()).toMatch(/^(\d+\n)+$/);
  });
});

describe('kubectl describe', () => {
  it('tells of a pod, its containers and what happened to it', async () => {
    const text = await kubectl`describe pod alone`;
    const { spec, status } = await kubectl.object<Pod>`get pod alone -o json`;
    expect(text).toMatch(/^Name:\s+alone$/m);
    expect(text).toMatch(new RegExp(`^Node:\\s+${spec?.nodeName}/${status?.hostIP}$`, 'm'));
    expect(text).toMatch(/^Status:\s+Running$/m);
    expect(text).toMatch(new RegExp(`^IP:\\s+${status?.podIP}$`, 'm'));
    expect(text).toMatch(/^ {4}Container ID:\s+\S+:\/\/[0-9a-f]{64}$/m);
    expect(text).toMatch(/^ {4}Image ID:\s+\S+/m);
    expect(text).toMatch(/^ {4}State:\s+Running$/m);
    expect(text).toMatch(/^QoS Class:\s+BestEffort$/m);
    expect(text).toMatch(/Normal\s+Scheduled\s+\S+\s+default-scheduler\s+Successfully assigned kubectl-get\/alone to /);
    for (const reason of ['Pulled', 'Created', 'Started']) expect(text).toMatch(new RegExp(`Normal\\s+${reason}\\s+\\S+\\s+kubelet`));
  });

  it('tells of a deployment and its replica sets', async () => {
    const text = await kubectl`describe deployment web`;
    expect(text).toMatch(/^Replicas:\s+2 desired \| 2 updated \| 2 total \| 2 available \| 0 unavailable$/m);
    expect(text).toMatch(/^StrategyType:\s+RollingUpdate$/m);
    expect(text).toMatch(/^RollingUpdateStrategy:\s+25% max unavailable, 25% max surge$/m);
    expect(text).toMatch(/^\s+Available\s+True\s+MinimumReplicasAvailable$/m);
    expect(text).toMatch(/^\s+Progressing\s+True\s+NewReplicaSetAvailable$/m);
    expect(text).toMatch(/^NewReplicaSet:\s+web-\S+ \(2\/2 replicas created\)$/m);
    expect(text).toMatch(/Normal\s+ScalingReplicaSet\s+\S+\s+deployment-controller\s+Scaled up replica set web-\S+ from 0 to 2/);
  });

  it('tells of a node, its conditions and what runs on it', async () => {
    const node = await kubectl`get nodes -o ${'jsonpath={.items[0].metadata.name}'}`;
    const text = await kubectl`describe node ${node}`;
    expect(text).toMatch(/^\s+Ready\s+True\s.*KubeletReady/m);
    expect(text).toMatch(/^\s+MemoryPressure\s+False\s/m);
    expect(text).toMatch(/^Capacity:$/m);
    expect(text).toMatch(/^Allocatable:$/m);
    expect(text).toMatch(/^ {2}kubectl-get\s+alone\s/m);
    expect(text).toMatch(/^Lease:$/m);
  });
});
