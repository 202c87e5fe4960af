import { describe, expect, it } from 'vitest';
import { Path } from '../../../../machinery/field-path.ts';
import type { PersistentVolume, PodSpec } from '../../../../machinery/kinds/core.ts';
import { claimWarnings } from '../persistent-volume-claim/warnings.ts';
import { volumeWarnings } from '../persistent-volume/warnings.ts';
import { hostNameWarnings, podWarnings } from './warnings.ts';
import { overlaps } from './warnings/overlaps.ts';

const warned = (spec: Partial<PodSpec>, annotations?: Record<string, string>): string[] =>
  podWarnings({ ...(annotations === undefined ? {} : { metadata: { annotations } }), spec: { containers: [], ...spec } });
const ports = (...list: { readonly containerPort: number; readonly protocol?: string; readonly hostPort?: number; readonly hostIP?: string; readonly name?: string }[]) =>
  ({ containers: [{ name: 'c', ports: list }] });
const needs = (key: string, values?: string[]) => ({ matchExpressions: [{ key, operator: 'In', ...(values === undefined ? {} : { values }) }] });
const term = { topologyKey: 'zone' };
const old = 'deprecated since v1.14; use "kubernetes.io/os" instead';

describe('a pod is accepted with a warning', () => {
  it.each<[string, Partial<PodSpec>, readonly string[]]>([
    ['of nothing', { containers: [{ name: 'c', env: [{ name: 'A', value: '1' }] }] }, []],
    ['of old labels of nodes', { affinity: { nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [needs('beta.kubernetes.io/os')] },
      preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, preference: needs('a', ['ok', '-']) }],
    } } }, [
      `spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[0].key: beta.kubernetes.io/os is ${old}`,
      "spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].preference.matchExpressions[0].values[1]: - is invalid, a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
    ]],
    ['of selectors of nothing', {
      topologySpreadConstraints: [{ maxSkew: 1, topologyKey: 'beta.kubernetes.io/os', whenUnsatisfiable: 'DoNotSchedule' }],
      affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ ...term, labelSelector: {} }, term] }, podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, podAffinityTerm: term }] } },
    }, [
      `spec.topologySpreadConstraints[0].topologyKey: beta.kubernetes.io/os is ${old}`,
      'spec.topologySpreadConstraints[0].labelSelector: a null labelSelector results in matching no pod',
      'spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[1].labelSelector: a null labelSelector results in matching no pod',
      'spec.affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].podAffinityTerm.labelSelector: a null labelSelector results in matching no pod',
    ]],
    ['of volumes of old kinds', { volumes: [{ name: 'a', gitRepo: { repository: 'r' } }, { name: 'b', storageos: {} }, { name: 'c', ephemeral: { volumeClaimTemplate: { spec: { resources: { requests: { storage: '1500m' } } } } } }] }, [
      'spec.volumes[0].gitRepo: deprecated in v1.11', 'spec.volumes[1].storageOS: deprecated in v1.22, non-functional in v1.25+',
      'spec.volumes[2].ephemeral.volumeClaimTemplate.spec.resources.requests[storage]: fractional byte value "1500m" is invalid, must be an integer',
    ]],
    ['of files in each other\'s way', { volumes: [
      { name: 'a', configMap: { name: 'm', items: [{ key: 'x', path: 'etc/a' }, { key: 'y', path: 'etc/ab' }, { key: 'z', path: 'etc' }] } },
      { name: 'b', projected: { sources: [{ secret: { name: 's', items: [{ key: 'x', path: 'token' }] } }, { serviceAccountToken: { path: 'token' } }, {}] } },
    ] }, [
      'volume "a" (ConfigMap "m"): overlapping paths: "etc" with "etc/a"', 'volume "a" (ConfigMap "m"): overlapping paths: "etc" with "etc/ab"',
      'volume "b" (Projected) has no sources provided', 'volume "b" (Projected): overlapping paths: "token" (ServiceAccountToken) with "token" (Secret "s")',
    ]],
    ['of pull secrets told twice', { imagePullSecrets: [{ name: 'a' }, { name: 'a' }, {}] }, ['spec.imagePullSecrets[1].name: duplicate name "a"', 'spec.imagePullSecrets[2].name: invalid empty name ""']],
    ['of hosts told twice', { hostAliases: [{ ip: '10.0.0.1' }, { ip: '10.0.0.1' }] }, ['spec.hostAliases[1].ip: duplicate ip "10.0.0.1"']],
    ['of parts of bytes', { overhead: { memory: '1m' }, containers: [{ name: 'c', resources: { limits: { 'ephemeral-storage': '100m', cpu: '100m' } } }] }, [
      'spec.overhead[memory]: fractional byte value "1m" is invalid, must be an integer', 'spec.containers[0].resources.limits[ephemeral-storage]: fractional byte value "100m" is invalid, must be an integer',
    ]],
    ['of hidden variables, but not of those that go on', { containers: [{ name: 'c', env: [{ name: 'PATH', value: '/bin' }, { name: 'PATH', value: '$(PATH):/opt' }, { name: 'PATH', value: '$(PATH)' }, { name: 'PATH', valueFrom: {} }] }] }, [
      'spec.containers[0].env[2]: hides previous definition of "PATH", which may be dropped when using apply', 'spec.containers[0].env[3]: hides previous definition of "PATH", which may be dropped when using apply',
    ]],
    ['of a port told twice', ports({ containerPort: 80, protocol: 'TCP' }, { containerPort: 80, protocol: 'UDP' }, { containerPort: 80, protocol: 'TCP' }), ['spec.containers[0].ports[2]: duplicate port definition with spec.containers[0].ports[0]']],
    ['of a port that another container has, too', { containers: [{ name: 'a', ports: [{ containerPort: 80, hostPort: 80 }] }, { name: 'b', ports: [{ containerPort: 80 }] }] }, ['spec.containers[1].ports[0]: overlapping port definition with spec.containers[0].ports[0]']],
    ['of a host\'s port that may be two', ports({ containerPort: 80, hostPort: 80, hostIP: '10.0.0.1' }, { containerPort: 80, hostPort: 80 }, { containerPort: 80, hostPort: 80, hostIP: '10.0.0.2' }), [
      'spec.containers[0].ports[1]: dangerously ambiguous port definition with spec.containers[0].ports[0]', 'spec.containers[0].ports[2]: dangerously ambiguous port definition with spec.containers[0].ports[1]',
    ]],
    ['of an address without a port', ports({ containerPort: 80, protocol: 'UDP', hostIP: '10.0.0.1' }), ['spec.containers[0].ports[0]: hostIP set without hostPort: {Name: HostPort:0 ContainerPort:80 Protocol:UDP HostIP:10.0.0.1}']],
    ['of a port\'s name that two have', { containers: [{ name: 'a', ports: [{ name: 'web', containerPort: 80 }] }, { name: 'b', ports: [{ name: 'web', containerPort: 81 }] }] }, [
      'spec.containers[1].ports[0]: duplicate port name "web" with spec.containers[0].ports[0], services and probes that select ports by name will use spec.containers[0].ports[0]',
    ]],
  ])('%s', (_name, spec, expected) => {
    expect(warned(spec)).toEqual(expected);
  });

  it('of annotations that are fields by now', () => {
    const annotations = {
      'scheduler.alpha.kubernetes.io/critical-pod': '', 'seccomp.security.alpha.kubernetes.io/pod': 'x', 'container.seccomp.security.alpha.kubernetes.io/c': 'x', 'container.apparmor.security.beta.kubernetes.io/c': 'x',
    };
    const spec: PodSpec = { containers: [{ name: 'c' }] };
    expect(podWarnings({ metadata: { annotations }, spec }, new Path('spec.template'))).toEqual([
      'spec.template.metadata.annotations[scheduler.alpha.kubernetes.io/critical-pod]: non-functional in v1.16+; use the "priorityClassName" field instead',
      'spec.template.metadata.annotations[seccomp.security.alpha.kubernetes.io/pod]: non-functional in v1.27+; use the "seccompProfile" field instead',
      'spec.template.metadata.annotations[container.seccomp.security.alpha.kubernetes.io/c]: non-functional in v1.27+; use the "seccompProfile" field instead',
      'spec.template.metadata.annotations[container.apparmor.security.beta.kubernetes.io/c]: deprecated since v1.30; use the "appArmorProfile" field instead',
    ]);
    const profiles = { seccompProfile: { type: 'RuntimeDefault' }, appArmorProfile: { type: 'RuntimeDefault' } };
    expect(warned({ securityContext: profiles, containers: [{ name: 'c', securityContext: profiles }] }, annotations)).toHaveLength(1);
  });

  it('of a name that is no host name', () => {
    expect(hostNameWarnings('web-1')).toEqual([]);
    expect(hostNameWarnings('web.1')).toEqual(['metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is recommended: [must not contain dots]']);
    expect(hostNameWarnings('web.1', "the Pod's hostname")[0]).toContain("this is used in the Pod's hostname, which");
  });

  it('once it is clear, without a word about each of very many', () => {
    expect(warned(ports(...Array.from({ length: 20_000 }, () => ({ containerPort: 80, protocol: 'TCP' }))))).toHaveLength(120);
    expect(overlaps(Array.from({ length: 20_000 }, () => ({ path: 'a/b', source: '' })))).toHaveLength(32);
  });
});

describe('volumes and claims are accepted with a warning', () => {
  const older = { annotations: { 'volume.beta.kubernetes.io/storage-class': 'fast' } };
  it('of what has another name by now', () => {
    const volume: PersistentVolume = {
      metadata: { annotations: { ...older.annotations, 'volume.beta.kubernetes.io/mount-options': 'ro' } },
      spec: { persistentVolumeReclaimPolicy: 'Recycle', glusterfs: { endpoints: 'e', path: 'p' }, nodeAffinity: { required: { nodeSelectorTerms: [needs('beta.kubernetes.io/os')] } } },
    };
    expect(volumeWarnings(volume)).toEqual([
      'metadata.annotations[volume.beta.kubernetes.io/storage-class]: deprecated since v1.8; use "storageClassName" attribute instead',
      'metadata.annotations[volume.beta.kubernetes.io/mount-options]: deprecated since v1.31; use "mountOptions" attribute instead',
      'spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning.',
      `spec.nodeAffinity.required.nodeSelectorTerms[0].matchExpressions[0].key: beta.kubernetes.io/os is ${old}`,
      'spec.glusterfs: deprecated in v1.25, non-functional in v1.26+',
    ]);
  });
  it('of parts of bytes', () => {
    expect(claimWarnings({ metadata: older, spec: { resources: { requests: { storage: '1500m' }, limits: { storage: '1Gi' } } } })).toEqual([
      'metadata.annotations[volume.beta.kubernetes.io/storage-class]: deprecated since v1.8; use "storageClassName" attribute instead',
      'spec.resources.requests[storage]: fractional byte value "1500m" is invalid, must be an integer',
    ]);
    expect(claimWarnings({ spec: { resources: { requests: { storage: '1Gi' } } } })).toEqual([]);
  });
});
