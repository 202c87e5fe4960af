import type { Node, Pod } from '../machinery/kinds/core.ts';

/** Small pods and nodes for this room's tests. */

type PodSpec = NonNullable<Pod['spec']>;
type NodeSpec = NonNullable<Node['spec']>;

export interface NodeShape {
  readonly labels?: Readonly<Record<string, string>>;
  readonly spec?: NodeSpec;
  readonly allocatable?: Readonly<Record<string, string>>;
}

/** 4 cores, 8 GiB and 10 pods, unless told otherwise. */
export function aNode(name: string, { labels, spec, allocatable }: NodeShape = {}): Node {
  return {
    metadata: { name, labels: { 'kubernetes.io/hostname': name, ...labels } },
    ...(spec === undefined ? {} : { spec }),
    status: { allocatable: { cpu: '4', memory: '8Gi', pods: '10', ...allocatable } },
  };
}

export interface PodShape {
  readonly requests?: Readonly<Record<string, string>>;
  readonly hostPorts?: readonly { readonly hostPort: number; readonly protocol?: string; readonly hostIP?: string }[];
  readonly spec?: Partial<PodSpec>;
  readonly uid?: string;
}

/** In the namespace `default`, with one container. */
export function aPod(name: string, { requests, hostPorts, spec, uid = `uid-of-${name}` }: PodShape = {}): Pod {
  const container = {
    name: 'main', ...(requests === undefined ? {} : { resources: { requests } }),
    ...(hostPorts === undefined ? {} : { ports: hostPorts.map((port) => ({ containerPort: port.hostPort, ...port })) }),
  };
  return { metadata: { name, namespace: 'default', uid, generation: 1 }, spec: { containers: [container], ...spec } };
}
