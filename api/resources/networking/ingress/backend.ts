import { invalid, required, type FieldError, type Path } from '../../../../machinery/field-path.ts';
import type { Ingress } from '../../../../machinery/kinds/networking.ts';
import { dns1035Label, dns1123Subdomain, pathSegment, portName, portNumber } from '../../../../machinery/names.ts';
import { faults, named, optional } from '../../checks.ts';

/** What an Ingress leads to. Source: "Ingress: resource backends"; wording: Kubernetes' validation. */

type Backend = NonNullable<NonNullable<Ingress['spec']>['defaultBackend']>;

export function validateBackend({ resource, service }: Partial<Backend>, path: Path): FieldError[] {
  if (resource !== undefined && service !== undefined) return [invalid(path, '', 'cannot set both resource and service backends')];
  if (resource !== undefined) return validateResource(resource, path.child('resource'));
  return service === undefined ? [invalid(path, '', 'resource or service backend is required')] : validateService(service, path);
}

function validateResource({ apiGroup, kind, name }: NonNullable<Backend['resource']>, path: Path): FieldError[] {
  return [
    ...optional(path.child('apiGroup'), apiGroup, dns1123Subdomain),
    ...named(path.child('kind'), kind, pathSegment),
    ...named(path.child('name'), name, pathSegment),
  ];
}

function validateService({ name, port = {} }: NonNullable<Backend['service']>, path: Path): FieldError[] {
  const at = path.child('service');
  const { name: portText = '', number = 0 } = port;
  const errors = named(at.child('name'), name, dns1035Label);
  if (portText !== '' && number !== 0) return [...errors, invalid(path, '', 'cannot set both port name & port number')];
  if (portText !== '') return [...errors, ...faults(at.child('port', 'name'), portText, portName(portText))];
  if (number !== 0) return [...errors, ...faults(at.child('port', 'number'), number, portNumber(number))];
  return [...errors, required(path, 'port name or number is required')];
}
