import { Path, invalid, required, type FieldError } from '../../../machinery/field-path.ts';
import { ServiceCIDR } from '../../../machinery/kinds/networking.ts';
import { text } from '../columns.ts';
import { age, defineResource, name } from '../define.ts';
import { immutable } from '../immutable.ts';
import { parseCidr, validateCidr } from './cidr.ts';

const path = new Path('spec.cidrs');
const most = 2;

function validate({ spec }: ServiceCIDR): FieldError[] {
  const { cidrs = [] } = spec ?? {};
  if (cidrs.length === 0) return [required(path, 'at least one CIDR required')];
  if (cidrs.length > most) return [invalid(path, cidrs, 'may only hold up to 2 values')];
  const [first, second] = cidrs.map(parseCidr);
  const alike = first !== undefined && second !== undefined && first.family === second.family;
  return [
    ...(alike ? [invalid(path, cidrs, 'may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64')] : []),
    ...cidrs.flatMap((cidr, index) => validateCidr(cidr, path.index(index))),
  ];
}

/** Source: "ServiceCIDR", networking.k8s.io/v1. */
export const serviceCidr = defineResource(ServiceCIDR, {
  statusKeepsMetadata: true,
  generation: true,
  status: true,
  columns: [name(), text('CIDRs', 'Ranges of addresses that Services get.', (object) => (object.spec?.cidrs ?? []).join(',')), age()],
  prepareForCreate(draft) {
    draft.status = {};
  },
  validate,
  validateUpdate: (object, old) => immutable(object.spec?.cidrs, old.spec?.cidrs, path),
});
