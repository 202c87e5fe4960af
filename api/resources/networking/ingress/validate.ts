import { isIP } from 'node:net';
import { Path, forbidden, invalid, notSupported, required, type FieldError } from '../../../../machinery/field-path.ts';
import type { Ingress } from '../../../../machinery/kinds/networking.ts';
import { dns1123Subdomain, portNumber, wildcardSubdomain } from '../../../../machinery/names.ts';
import { faults, optional } from '../../checks.ts';
import { validateIp } from '../../core/pod/network.ts';
import { validateBackend } from './backend.ts';

/** Source: "Ingress"; wording: Kubernetes' validation. */

type Spec = NonNullable<Ingress['spec']>;
type HttpPath = NonNullable<NonNullable<NonNullable<Spec['rules']>[number]['http']>['paths']>[number];

const path = new Path('spec');
const classAnnotation = 'kubernetes.io/ingress.class';
const sequences = ['//', '/./', '/../', '%2f', '%2F'];
const endings = ['/..', '/.'];

export function validateIngress({ spec = {} }: Ingress): FieldError[] {
  const { rules = [], defaultBackend, tls = [], ingressClassName } = spec;
  return [
    ...(rules.length === 0 && defaultBackend === undefined ? [invalid(path, undefined, 'either `defaultBackend` or `rules` must be specified')] : []),
    ...(defaultBackend === undefined ? [] : validateBackend(defaultBackend, path.child('defaultBackend'))),
    ...rules.flatMap((rule, index) => {
      const at = path.child('rules').index(index);
      return [...validateHost(rule.host ?? '', at.child('host')), ...(rule.http === undefined ? [] : validatePaths(rule.http.paths ?? [], at.child('http', 'paths')))];
    }),
    ...tls.flatMap(({ hosts = [], secretName }, index) => {
      const at = path.child('tls').index(index);
      return [...hosts.flatMap((host, position) => validateName(host, at.child('hosts').index(position))), ...optional(at.child('secretName'), secretName, dns1123Subdomain)];
    }),
    ...(ingressClassName === undefined ? [] : faults(path.child('ingressClassName'), ingressClassName, dns1123Subdomain(ingressClassName))),
  ];
}

export function validateNewIngress({ metadata, spec }: Ingress): FieldError[] {
  const annotation = metadata?.annotations?.[classAnnotation];
  if (annotation === undefined || spec?.ingressClassName === undefined) return [];
  return [invalid(new Path('metadata.annotations').child(classAnnotation), annotation, 'can not be set when the class field is also set')];
}

function validateHost(host: string, at: Path): FieldError[] {
  if (host === '') return [];
  return [...(isIP(host) === 0 ? [] : [invalid(at, host, 'must be a DNS name, not an IP address')]), ...validateName(host, at)];
}

function validateName(host: string, at: Path): FieldError[] {
  return faults(at, host, host.includes('*') ? wildcardSubdomain(host) : dns1123Subdomain(host));
}

function validatePaths(paths: readonly HttpPath[], at: Path): FieldError[] {
  if (paths.length === 0) return [required(at)];
  return paths.flatMap((one, index) => [...validatePath(one, at.index(index)), ...validateBackend(one.backend ?? {}, at.index(index).child('backend'))]);
}

function validatePath({ path: text = '', pathType }: HttpPath, at: Path): FieldError[] {
  const here = at.child('path');
  const relative = text.startsWith('/') ? [] : [invalid(here, text, 'must be an absolute path')];
  switch (pathType ?? '') {
    case '': return [required(at.child('pathType'), 'pathType must be specified')];
    case 'ImplementationSpecific': return text === '' ? [] : relative;
    case 'Exact':
    case 'Prefix': return [
      ...relative,
      ...sequences.filter((sequence) => text.includes(sequence)).map((sequence) => invalid(here, text, `must not contain '${sequence}'`)),
      ...endings.filter((ending) => text.endsWith(ending)).map((ending) => invalid(here, text, `cannot end with '${ending}'`)),
    ];
    default: return [notSupported(at.child('pathType'), pathType, ['Exact', 'ImplementationSpecific', 'Prefix'])];
  }
}

export function validateIngressStatus({ status }: Ingress): FieldError[] {
  return (status?.loadBalancer?.ingress ?? []).flatMap(({ ip = '', hostname = '', ports = [] }, index) => {
    const at = new Path('status.loadBalancer.ingress').index(index);
    return [
      ...(ip === '' ? [] : validateIp(ip, at.child('ip'))),
      ...optional(at.child('hostname'), hostname, dns1123Subdomain),
      ...(isIP(hostname) === 0 ? [] : [invalid(at.child('hostname'), hostname, 'must be a DNS name, not an IP address')]),
      ...(ports.length > 0 && ip === '' && hostname === '' ? [forbidden(at.child('ports'), 'may not be set without an ip or a hostname')] : []),
      ...ports.flatMap(({ port = 0 }, position) => faults(at.child('ports').index(position).child('port'), port, portNumber(port))),
    ];
  });
}
