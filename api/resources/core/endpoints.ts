import { Endpoints } from '../../../machinery/kinds/core.ts';
import { none, text } from '../columns.ts';
import { age, defineResource, name } from '../define.ts';
import { validateEndpoints } from './endpoints/validate.ts';

const shownAddresses = 3;

/** `10.42.0.5:80,10.42.0.6:80 + 2 more...` */
function addresses({ subsets = [] }: Endpoints): string {
  if (subsets.length === 0) return none;
  const all = subsets.flatMap(({ ports = [], addresses: ready = [] }) => {
    if (ports.length === 0) return ready.map(({ ip }) => ip);
    return ports.flatMap(({ port }) => ready.map(({ ip = '' }) => `${ip.includes(':') ? `[${ip}]` : ip}:${port}`));
  });
  const shown = all.slice(0, shownAddresses).join(',');
  return all.length > shownAddresses ? `${shown} + ${all.length - shownAddresses} more...` : shown;
}

/** Source: "Endpoints", core/v1; EndpointSlices say the same and more. */
export const endpoints = defineResource(Endpoints, {
  shortNames: ['ep'],
  deprecation: 'v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice',
  columns: [name(), text('Endpoints', 'Addresses that are ready.', addresses), age()],
  defaults(draft) {
    for (const subset of draft.subsets ?? []) for (const port of subset.ports ?? []) if ((port.protocol ?? '') === '') port.protocol = 'TCP';
  },
  validate: validateEndpoints,
});
