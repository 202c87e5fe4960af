import type { Node } from '../../machinery/kinds/core.ts';
import type { Draft } from '../../machinery/kinds/wire.ts';
import type { AdmissionPlugin } from './admission.ts';

/** A new node takes no pods before the node controller has seen it ready. Source: "Admission controllers", TaintNodesByCondition. */
const notReady = { key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' } as const;

export const taintNodesByCondition: AdmissionPlugin = {
  name: 'TaintNodesByCondition',
  handles: ({ operation, resource, subresource }) => operation === 'CREATE' && resource.group === '' && resource.plural === 'nodes' && subresource === '',
  mutate(_write, draft) {
    const node = draft as Draft<Node>;
    const taints = node.spec?.taints ?? [];
    if (taints.some(({ key, effect }) => key === notReady.key && effect === notReady.effect)) return;
    node.spec = { ...node.spec, taints: [...taints, { ...notReady }] };
  },
};
