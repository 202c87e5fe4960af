import { Ingress } from '../../../machinery/kinds/networking.ts';
import { none, text } from '../columns.ts';
import { age, defineResource, name } from '../define.ts';
import { validateIngress, validateIngressStatus, validateNewIngress } from './ingress/validate.ts';

const shownHosts = 3;

function hosts({ spec }: Ingress): string {
  const { rules = [] } = spec ?? {};
  const named = rules.map(({ host = '' }) => host).filter((host) => host !== '');
  if (named.length === 0) return '*';
  const shown = named.slice(0, shownHosts).join(',');
  return named.length > shownHosts || (named.length === shownHosts && rules.length > shownHosts) ? `${shown} + ${rules.length - shownHosts} more...` : shown;
}

function address({ status }: Ingress): string {
  const all = (status?.loadBalancer?.ingress ?? []).map(({ ip = '', hostname = '' }) => (ip === '' ? hostname : ip)).filter((one) => one !== '');
  return [...new Set(all)].toSorted().join(',');
}

/** Source: "Ingress". */
export const ingress = defineResource(Ingress, {
  shortNames: ['ing'],
  generation: true,
  status: true,
  columns: [
    name(),
    text('Class', 'Which controller carries it out.', (object) => object.spec?.ingressClassName ?? none),
    text('Hosts', 'Hosts that its rules are for.', hosts),
    text('Address', 'Where it is reached.', address),
    text('Ports', 'Ports that are open.', (object) => ((object.spec?.tls ?? []).length > 0 ? '80, 443' : '80')),
    age(),
  ],
  prepareForCreate(draft) {
    draft.status = {};
  },
  validate: validateIngress,
  validateCreate: validateNewIngress,
  validateStatusUpdate: (object) => validateIngressStatus(object),
});
