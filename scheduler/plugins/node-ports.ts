import { clusterEvent } from '../cluster-event.ts';
import { hostPortsOf, type HostPort } from '../nodes/host-ports.ts';
import { definePlugin, type Refusal } from '../plugin.ts';

const taken: Refusal = { reasons: ["node(s) didn't have free ports for the requested pod ports"], resolvable: true };

/** A host port is one pod's at a time. Source: ContainerPort `hostPort`, core/v1. */
export const nodePorts = definePlugin<readonly HostPort[]>({
  name: 'NodePorts',
  wakeOn: [clusterEvent.nodeAdded, clusterEvent.podRemoved],
  reads: (pod) => JSON.stringify(hostPortsOf(pod)),
  prepare: (pod) => {
    const ports = hostPortsOf(pod);
    return ports.length === 0 ? undefined : ports;
  },
  scope: 'row',
  filter: (ports, nodes, row) => {
    const inUse = nodes.portsAt(row);
    return inUse !== undefined && inUse.size > 0 && ports.some((port) => inUse.clashes(port)) ? taken : undefined;
  },
});
