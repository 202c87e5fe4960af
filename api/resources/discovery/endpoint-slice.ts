import { EndpointSlice } from '../../../machinery/kinds/discovery.ts';
import { text } from '../columns.ts';
import { age, defineResource, name } from '../define.ts';
import { validateEndpointSlice, validateEndpointSliceUpdate } from './endpoint-slice-rules.ts';

const shown = 3;
const unset = '<unset>';

function firstOf(all: readonly string[]): string {
  if (all.length === 0) return unset;
  const first = all.slice(0, shown).join(',');
  return all.length > shown ? `${first} + ${all.length - shown} more...` : first;
}

/** Source: "EndpointSlices". */
export const endpointSlice = defineResource(EndpointSlice, {
  generation: true,
  columns: [
    name(),
    text('AddressType', 'What its addresses are.', (object) => object.addressType ?? ''),
    text('Ports', 'Ports that are reached at each endpoint.', (object) => firstOf((object.ports ?? []).map(({ port }) => (port === undefined ? '*' : String(port))))),
    text('Endpoints', 'Addresses of the endpoints.', (object) => firstOf((object.endpoints ?? []).flatMap(({ addresses = [] }) => addresses))),
    age(),
  ],
  defaults(draft) {
    for (const port of draft.ports ?? []) {
      port.name ??= '';
      port.protocol ??= 'TCP';
    }
  },
  validate: validateEndpointSlice,
  validateUpdate: validateEndpointSliceUpdate,
});
