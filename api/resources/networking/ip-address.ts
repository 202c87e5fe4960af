import { isIP } from 'node:net';
import { Path, required, type FieldError } from '../../../machinery/field-path.ts';
import { IPAddress } from '../../../machinery/kinds/networking.ts';
import { dns1123Subdomain, pathSegment } from '../../../machinery/names.ts';
import { named, optional } from '../checks.ts';
import { none, text } from '../columns.ts';
import { age, defineResource, name } from '../define.ts';
import { immutable } from '../immutable.ts';

const path = new Path('spec.parentRef');

function validateName(address: string): readonly string[] {
  if (isIP(address) === 0) return ['must be a valid IP address'];
  const canonical = isIP(address) === 6 ? new URL(`http://[${address}]/`).hostname.slice(1, -1) : address;
  return canonical === address ? [] : [`must be in canonical form (${JSON.stringify(canonical)})`];
}

function validate({ spec }: IPAddress): FieldError[] {
  if (spec?.parentRef === undefined) return [required(path)];
  const { group, resource, name: of, namespace } = spec.parentRef;
  return [
    ...optional(path.child('group'), group, dns1123Subdomain),
    ...named(path.child('resource'), resource, pathSegment),
    ...named(path.child('name'), of, pathSegment),
    ...optional(path.child('namespace'), namespace, pathSegment),
  ];
}

function parent({ spec }: IPAddress): string {
  if (spec?.parentRef === undefined) return none;
  const { group = '', resource = '', namespace = '', name: of = '' } = spec.parentRef;
  return [`${resource}${group === '' ? '' : `.${group}`}`.toLowerCase(), ...(namespace === '' ? [] : [namespace]), of].join('/');
}

/** Source: "IPAddress", networking.k8s.io/v1; its name is the address. */
export const ipAddress = defineResource(IPAddress, {
  shortNames: ['ip'],
  generation: true,
  columns: [name(), text('ParentRef', 'Who has the address.', parent), age()],
  validateName,
  validate,
  validateUpdate: (object, old) => immutable(object.spec?.parentRef, old.spec?.parentRef, path),
});
