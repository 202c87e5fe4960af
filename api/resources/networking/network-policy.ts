import { NetworkPolicy } from '../../../machinery/kinds/networking.ts';
import { formatSelector, selectorOf } from '../../../machinery/selectors.ts';
import { none, text } from '../columns.ts';
import { age, defineResource, name } from '../define.ts';
import { validateNetworkPolicy } from './network-policy/validate.ts';

/** Source: "Network policies". */
export const networkPolicy = defineResource(NetworkPolicy, {
  shortNames: ['netpol'],
  generation: true,
  columns: [name(), text('Pod-Selector', 'Which pods it is about.', (object) => formatSelector(selectorOf(object.spec?.podSelector ?? {})) || none), age()],
  defaults(draft) {
    const spec = (draft.spec ??= {});
    if ((spec.policyTypes ?? []).length === 0) spec.policyTypes = (spec.egress ?? []).length > 0 ? ['Ingress', 'Egress'] : ['Ingress'];
    for (const rule of [...(spec.ingress ?? []), ...(spec.egress ?? [])]) for (const port of rule.ports ?? []) port.protocol ??= 'TCP';
  },
  validate: validateNetworkPolicy,
});
