import { Service } from '../../../machinery/kinds/core.ts';
import { proxied } from '../proxied.ts';
import { joined, labelsText, none, text } from '../columns.ts';
import { age, defineResource, name } from '../define.ts';
import { dns1035Label } from '../../../machinery/names.ts';
import { validateServiceUpdate } from './service/addresses.ts';
import { defaultService } from './service/defaults.ts';
import { carryGiven } from './service/given.ts';
import { validateService } from './service/validate.ts';

function externalAddress({ spec, status }: Service): string {
  const external = spec?.externalIPs ?? [];
  if (spec?.type === 'ExternalName') return spec.externalName ?? none;
  if (spec?.type !== 'LoadBalancer') return joined(external);
  const ingress = (status?.loadBalancer?.ingress ?? []).map((one) => one.ip ?? one.hostname ?? '').filter((one) => one !== '');
  return ingress.length + external.length === 0 ? '<pending>' : [...ingress, ...external].join(',');
}

function ports({ spec }: Service): string {
  return joined((spec?.ports ?? []).map(({ port, nodePort = 0, protocol = 'TCP' }) => (nodePort > 0 ? `${port}:${nodePort}/${protocol}` : `${port}/${protocol}`)));
}

/** Source: "Service". Its addresses are given by `handlers/service-addresses.ts`, in the transaction that writes it. */
export const service = defineResource(Service, {
  shortNames: ['svc'],
  categories: ['all'],
  status: true,
  subresources: [proxied('ServiceProxyOptions')],
  fields: { 'spec.clusterIP': (object) => object.spec?.clusterIP ?? '', 'spec.type': (object) => object.spec?.type ?? '' },
  columns: [
    name(),
    text('Type', 'How it is exposed.', (object) => object.spec?.type ?? ''),
    text('Cluster-IP', 'Its address inside the cluster.', (object) => object.spec?.clusterIPs?.[0] ?? (object.spec?.clusterIP || none)),
    text('External-IP', 'Its addresses outside the cluster.', externalAddress),
    text('Port(s)', 'Its ports, with node ports.', ports),
    age(),
    text('Selector', 'Which pods answer for it.', (object) => labelsText(object.spec?.selector), 1),
  ],
  validateName: dns1035Label,
  defaults: defaultService,
  prepareForCreate(draft) {
    draft.status = { loadBalancer: {} };
  },
  prepareForUpdate: carryGiven,
  validate: validateService,
  validateUpdate: validateServiceUpdate,
  deletion: { answersObject: true },
});
