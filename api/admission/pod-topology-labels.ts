import { Node, Pod } from '../../machinery/kinds/core.ts';
import type { AdmissionPlugin } from './admission.ts';

/** Tells a pod the zone and region of the node that it is given: they can be read through the downward API. Source: "Pod topology labels". */

const told = ['topology.kubernetes.io/zone', 'topology.kubernetes.io/region'];

export const podTopologyLabels: AdmissionPlugin = {
  name: 'PodTopologyLabels',
  handles: ({ operation, resource: { group, plural }, subresource }) => operation === 'CREATE' && subresource === 'binding' && group === Pod.group && plural === Pod.plural,
  mutate({ caches }, draft) {
    // A Binding, whose labels become the pod's.
    const { target } = draft as { readonly target?: { readonly name?: string } };
    const labels = caches.of(Node).get(undefined, target?.name ?? '')?.object.metadata?.labels ?? {};
    const own = Object.fromEntries(told.flatMap((key) => (labels[key] === undefined ? [] : [[key, labels[key]]])));
    if (Object.keys(own).length > 0) draft.metadata = { ...draft.metadata, labels: { ...own, ...draft.metadata?.labels } };
  },
};
