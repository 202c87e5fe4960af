import type { Pod, Toleration } from '../../machinery/kinds/core.ts';
import type { Draft } from '../../machinery/kinds/wire.ts';
import type { AdmissionPlugin } from './admission.ts';

/** A pod stays five minutes on a node that went silent, unless it says otherwise. Source: "Taints and tolerations", taint based evictions. */
const tolerationSeconds = 300;
const silent = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'] as const;

export const defaultTolerationSeconds: AdmissionPlugin = {
  name: 'DefaultTolerationSeconds',
  handles: ({ operation, resource, subresource }) => operation !== 'DELETE' && resource.group === '' && resource.plural === 'pods' && subresource === '',
  mutate(_write, draft) {
    const { spec } = draft as Draft<Pod>;
    if (spec === undefined) return;
    const present = spec.tolerations ?? [];
    const missing = silent.filter((key) => !present.some((toleration) => covers(toleration, key)));
    if (missing.length === 0) return;
    spec.tolerations = [...present, ...missing.map((key) => ({ key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds }))];
  },
};

function covers({ key = '', effect = '' }: Draft<Toleration>, taint: string): boolean {
  return (key === '' || key === taint) && (effect === '' || effect === 'NoExecute');
}
