import { describe, expect, it } from 'vitest';
import type { PodSpec } from '../../machinery/kinds/core.ts';
import { shortcomingsOf } from './shortcomings.ts';

const reasons = (spec: Partial<PodSpec>, clusterDns?: string): readonly string[] => shortcomingsOf({ metadata: { namespace: 'ns', name: 'web', uid: 'u' }, spec: { containers: [], ...spec } }, { clusterDns }).map(({ reason }) => reason);
const port = { containers: [{ name: 'web', ports: [{ containerPort: 80, hostPort: 8080 }, { containerPort: 81 }] }] };

describe('what a pod is told that it does without', () => {
  it.each<[string, Partial<PodSpec>, string | undefined, readonly string[]]>([
    ['the cluster\'s names, where nobody answers for them', {}, undefined, ['MissingClusterDNS']], ['nothing, where somebody does', {}, '10.96.0.10', []],
    ['nothing, when it asks for the node\'s names', { dnsPolicy: 'Default' }, undefined, []], ['nothing on the host\'s network, which has the node\'s names', { hostNetwork: true }, undefined, []],
    ['the cluster\'s names on the host\'s network, when it asks for them', { hostNetwork: true, dnsPolicy: 'ClusterFirstWithHostNet' }, undefined, ['MissingClusterDNS']],
    ['a port of the host', port, '10.96.0.10', ['HostPortNotSupported']], ['nothing, when all ports are the host\'s', { ...port, hostNetwork: true }, '10.96.0.10', []],
  ])('is %s', (_name, spec, clusterDns, expected) => {
    expect(reasons(spec, clusterDns)).toEqual(expected);
  });

  it('names the pod, and the ports with their containers', () => {
    const messages = shortcomingsOf({ metadata: { namespace: 'ns', name: 'web', uid: 'u' }, spec: port }, { clusterDns: undefined }).map(({ message }) => message);
    expect(messages).toEqual([
      'pod: "web_ns(u)". kubelet does not have ClusterDNS IP configured and cannot create Pod using "ClusterFirst" policy. Falling back to "Default" policy.',
      'The node does not open host ports: 8080/TCP of container web. Reach the pod by its own address or a Service, or give it hostNetwork.',
    ]);
  });
});
