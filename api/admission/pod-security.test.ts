import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Deployment } from '../../machinery/kinds/apps.ts';
import { Namespace, Pod } from '../../machinery/kinds/core.ts';
import type { Kind, KubernetesObject } from '../../machinery/kinds/kind.ts';
import { ApiError } from '../../machinery/status.ts';
import { someone, startTestCluster, type TestCluster } from '../access/test-cluster.ts';
import { resources } from '../resources/all.ts';
import type { Admitted } from './admission.ts';
import { podSecurity } from './pod-security.ts';
import { subjectOf } from './pod-security/check.ts';
import { violations, violationsText } from './pod-security/evaluate.ts';
import { policyOf, type Level } from './pod-security/policy.ts';

const careful = { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } };
const good = { securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } }, containers: [{ name: 'c', image: 'x', securityContext: careful }] };
const told = (level: Level, spec: object, minor = Infinity, annotations: Record<string, string> = {}): string =>
  violationsText(violations({ level, minor }, subjectOf({ metadata: { annotations }, spec: { ...good, ...spec } })));
const container = (securityContext: object, more: object = {}) => ({ containers: [{ name: 'c', image: 'x', securityContext: { ...careful, ...securityContext }, ...more }] });

describe('the baseline', () => {
  it.each<[string, object, string]>([
    ['a careful pod', {}, ''],
    ['a careless pod', { securityContext: {}, containers: [{ name: 'c' }] }, ''],
    ['the host’s namespaces', { hostNetwork: true, hostIPC: true }, 'host namespaces (hostNetwork=true, hostIPC=true)'],
    ['privilege', { containers: ['a', 'b'].map((name) => ({ name, securityContext: { privileged: true } })) }, 'privileged (containers "a", "b" must not set securityContext.privileged=true)'],
    ['capabilities', container({ capabilities: { add: ['SYS_ADMIN', 'CHOWN', 'BPF'] } }), 'non-default capabilities (container "c" must not include "BPF", "SYS_ADMIN" in securityContext.capabilities.add)'],
    ['paths and ports of the host', { volumes: [{ name: 'v', hostPath: { path: '/' } }], ...container({}, { ports: [{ containerPort: 80, hostPort: 80 }, { containerPort: 81, hostPort: 81 }] }) }, 'hostPath volumes (volume "v"), hostPort (container "c" uses hostPorts 80, 81)'],
    ['probes of other hosts', container({}, { livenessProbe: { httpGet: { port: 80, host: '10.0.0.1' } } }), 'probe or lifecycle host (container "c" uses probe or lifecycle host "10.0.0.1")'],
    ['no seccomp', { securityContext: { seccompProfile: { type: 'Unconfined' } }, ...container({ seccompProfile: { type: 'Unconfined' } }) }, 'seccompProfile (pod and container "c" must not set securityContext.seccompProfile.type to "Unconfined")'],
    ['no AppArmor', container({ appArmorProfile: { type: 'Unconfined' } }), 'forbidden AppArmor profile (container "c" must not set AppArmor profile type to "Unconfined")'],
    ['a role of SELinux', { securityContext: { seLinuxOptions: { type: 'spc_t', role: 'r' } } }, 'seLinuxOptions (pod set forbidden securityContext.seLinuxOptions: type "spc_t"; role may not be set)'],
    ['sysctls', { securityContext: { sysctls: [{ name: 'kernel.msgmax', value: '1' }, { name: 'net.ipv4.tcp_rmem', value: '1' }] } }, 'forbidden sysctls (kernel.msgmax)'],
    ['all of /proc', container({ procMount: 'Unmasked' }), 'procMount (container "c" must not set securityContext.procMount to "Unmasked")'],
    ['Windows’ host', { securityContext: { windowsOptions: { hostProcess: true } } }, 'hostProcess (pod must not set securityContext.windowsOptions.hostProcess=true)'],
  ])('judges %s', (_name, spec, text) => {
    expect(told('baseline', spec)).toBe(text);
  });

  it('is what it was in the version that is asked for', () => {
    const sysctl = { securityContext: { sysctls: [{ name: 'net.ipv4.tcp_rmem', value: '1' }] } };
    expect([told('baseline', sysctl, 31), told('baseline', sysctl, 32)]).toEqual(['forbidden sysctls (net.ipv4.tcp_rmem)', '']);
    const annotations = { 'seccomp.security.alpha.kubernetes.io/pod': 'unconfined' };
    expect([told('baseline', {}, 18, annotations), told('baseline', {}, 19, annotations)]).toEqual(['seccompProfile (forbidden annotation seccomp.security.alpha.kubernetes.io/pod="unconfined")', '']);
  });
});

describe('the restricted level', () => {
  it.each<[string, object, string]>([
    ['a careful pod', {}, ''],
    ['a careless pod', { securityContext: {}, containers: [{ name: 'c' }] },
      'allowPrivilegeEscalation != false (container "c" must set securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (container "c" must set securityContext.capabilities.drop=["ALL"]), runAsNonRoot != true (pod or container "c" must set securityContext.runAsNonRoot=true), seccompProfile (pod or container "c" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")'],
    ['root', { securityContext: { ...good.securityContext, runAsUser: 0 }, ...container({ runAsNonRoot: false, runAsUser: 0 }) },
      'runAsNonRoot != true (container "c" must not set securityContext.runAsNonRoot=false), runAsUser=0 (pod and container "c" must not set runAsUser=0)'],
    ['volumes of the host and of others', { volumes: [{ name: 'a', hostPath: { path: '/' } }, { name: 'b', nfs: { server: 's', path: '/' } }, { name: 'd', emptyDir: {} }] }, 'restricted volume types (volumes "a", "b" use restricted volume types "hostPath", "nfs")'],
    ['capabilities', container({ capabilities: { drop: ['ALL'], add: ['CHOWN', 'NET_BIND_SERVICE'] } }), 'unrestricted capabilities (container "c" must not include "CHOWN" in securityContext.capabilities.add)'],
    ['root in a user namespace', { hostUsers: false, ...container({ runAsNonRoot: false, runAsUser: 0 }) }, ''],
    ['Windows, which has no capabilities', { os: { name: 'windows' }, securityContext: { runAsNonRoot: true }, containers: [{ name: 'c' }] }, ''],
  ])('judges %s', (_name, spec, text) => {
    expect(told('restricted', spec)).toBe(text);
  });
});

const label = (name: string) => `pod-security.kubernetes.io/${name}`;

describe('labels of a namespace', () => {
  it('ask for levels of versions; what is enforced is warned of', () => {
    expect(policyOf({ [label('enforce')]: 'baseline', [label('enforce-version')]: 'v1.30' }).policy).toEqual({
      enforce: { level: 'baseline', minor: 30 }, audit: { level: 'privileged', minor: Infinity }, warn: { level: 'baseline', minor: 30 },
    });
    expect(policyOf({ [label('enforce')]: 'baseline', [label('warn')]: 'restricted' }).policy.warn).toEqual({ level: 'restricted', minor: Infinity });
  });

  it('say only what there is', () => {
    const { policy, errors } = policyOf({ [label('enforce')]: 'strict', [label('warn')]: 'x', [label('audit-version')]: '1.30' });
    expect(errors.map((error) => `${error.path.toString()}: ${error.body}`)).toEqual([
      'metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: "strict": must be one of privileged, baseline, restricted',
      'metadata.labels[pod-security.kubernetes.io/audit-version]: Invalid value: "1.30": must be "latest" or "v1.x"',
      'metadata.labels[pod-security.kubernetes.io/warn]: Invalid value: "x": must be one of privileged, baseline, restricted',
    ]);
    expect([policy.enforce.level, policy.warn.level]).toEqual(['restricted', 'privileged']);
  });
});

describe('the plug-in', () => {
  let cluster: TestCluster;
  beforeAll(async () => {
    cluster = await startTestCluster();
    await cluster.put(Namespace, { metadata: { name: 'strict', labels: { 'pod-security.kubernetes.io/enforce': 'restricted', 'pod-security.kubernetes.io/enforce-version': 'v1.36', 'pod-security.kubernetes.io/audit': 'baseline' } } });
    await cluster.put(Namespace, { metadata: { name: 'open' } });
    for (const name of ['b', 'a', 'd']) await cluster.put(Pod, { metadata: { name, namespace: 'open' }, spec: { hostNetwork: true, containers: [{ name: 'c' }] } });
    await cluster.put(Pod, { metadata: { name: 'e', namespace: 'open' }, spec: { containers: [{ name: 'c', securityContext: { privileged: true } }] } });
  });
  afterAll(() => cluster.close());

  async function admit<T extends KubernetesObject>(kind: Kind<T>, object: T, old?: T, subresource = '') {
    const resource = resources.find((one) => one.group === kind.group && one.plural === kind.plural);
    if (resource === undefined) throw new Error(`no resource ${kind.plural}`);
    const warnings: string[] = [];
    const notes: Record<string, string> = {};
    const { namespace = '', name = '' } = object.metadata ?? {};
    const write: Admitted = {
      operation: old === undefined ? 'CREATE' : 'UPDATE', resource, subresource, namespace, name, user: someone('u'), old, caches: cluster.caches, dryRun: false, options: undefined,
      warn: (text) => warnings.push(text), annotate: (key, value) => { notes[key] = value; }, signal: AbortSignal.timeout(30_000),
    };
    let refusal: string | undefined;
    try {
      if (podSecurity.handles(write)) await podSecurity.validate?.(write, object);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      refusal = `${error.code} ${error.message}`;
    }
    return { refusal, warnings, notes };
  }

  const bad = { spec: { hostPID: true, containers: [{ name: 'c', image: 'x', securityContext: careful }], securityContext: good.securityContext } };

  it('refuses pods, notes why, and warns of templates', async () => {
    expect(await admit(Pod, { metadata: { name: 'p', namespace: 'strict' }, ...bad })).toEqual({
      refusal: '403 pods "p" is forbidden: violates PodSecurity "restricted:v1.36": host namespaces (hostPID=true)', warnings: [],
      notes: { 'pod-security.kubernetes.io/enforce-policy': 'restricted:v1.36', 'pod-security.kubernetes.io/audit-violations': 'would violate PodSecurity "baseline:latest": host namespaces (hostPID=true)' },
    });
    const deployment: Deployment = { metadata: { name: 'd', namespace: 'strict' }, spec: { selector: {}, template: bad } };
    expect(await admit(Deployment, deployment)).toMatchObject({ refusal: undefined, warnings: ['would violate PodSecurity "restricted:v1.36": host namespaces (hostPID=true)'] });
    expect(await admit(Pod, { metadata: { name: 'p', namespace: 'open' }, ...bad })).toMatchObject({ refusal: undefined, warnings: [] });
  });

  it('leaves pods alone that run already, unless what runs changes', async () => {
    const old: Pod = { metadata: { name: 'p', namespace: 'strict' }, ...bad };
    expect((await admit(Pod, { ...old, metadata: { ...old.metadata, labels: { a: 'b' } } }, old)).refusal).toBeUndefined();
    const changed: Pod = { ...old, spec: { ...bad.spec, containers: [{ name: 'c', image: 'y' }] } };
    expect((await admit(Pod, changed, old)).refusal).toContain('violates PodSecurity');
    expect((await admit(Pod, changed, old, 'status')).refusal).toBeUndefined();
  });

  it('tells which pods a new level would not have let in', async () => {
    const old: Namespace = { metadata: { name: 'open' } };
    expect((await admit(Namespace, { metadata: { name: 'open', labels: { 'pod-security.kubernetes.io/enforce': 'baseline' } } }, old)).warnings).toEqual([
      'existing pods in namespace "open" violate the new PodSecurity enforce level "baseline:latest"', 'a (and 2 other pods): host namespaces', 'e: privileged',
    ]);
    expect((await admit(Namespace, { metadata: { name: 'n', labels: { 'pod-security.kubernetes.io/enforce': 'x' } } })).refusal).toBe(
      '422 Namespace "n" is invalid: metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: "x": must be one of privileged, baseline, restricted');
  });
});
