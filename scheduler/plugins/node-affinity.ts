import {
  acceptsNode, labelsRead, namedNodes, preferenceFor, preferredNodes, readsName, requiredNodes, type PreferredNodes, type RequiredNodes,
} from '../../machinery/pod/affinity.ts';
import { clusterEvent } from '../cluster-event.ts';
import { hostnameLabel } from '../nodes/flavours.ts';
import { definePlugin, type Refusal } from '../plugin.ts';

interface Prepared {
  readonly required: RequiredNodes | undefined;
  readonly preferred: readonly PreferredNodes[];
}

const mismatch: Refusal = { reasons: ["node(s) didn't match Pod's node affinity/selector"], resolvable: false };

/** `nodeSelector` and node affinity, required and preferred. Source: "Assigning Pods to Nodes". */
export const nodeAffinity = definePlugin<Prepared>({
  name: 'NodeAffinity',
  wakeOn: [clusterEvent.nodeAdded, clusterEvent.nodeLabelsChanged],
  reads: ({ spec }) => JSON.stringify([spec?.nodeSelector, spec?.affinity?.nodeAffinity]),
  prepare: ({ spec }) => {
    if (spec === undefined) return undefined;
    const [required, preferred] = [requiredNodes(spec), preferredNodes(spec)];
    return required === undefined && preferred.length === 0 ? undefined : { required, preferred };
  },
  scope: ({ required, preferred }) => (readsName(required, preferred) || labelsRead(required, preferred).includes(hostnameLabel) ? 'row' : 'flavour'),
  labels: ({ required, preferred }) => labelsRead(required, preferred),
  narrow: ({ required }) => required && namedNodes(required),
  filter: ({ required }, nodes, row) => (
    required === undefined || acceptsNode(required, nodes.nodeAt(row)?.metadata?.labels, nodes.nameOf(row)) ? undefined : mismatch
  ),
  score: {
    weight: 2,
    normalise: 'greatest',
    of: ({ preferred }, nodes, row) => preferenceFor(preferred, nodes.nodeAt(row)?.metadata?.labels, nodes.nameOf(row)),
  },
});
