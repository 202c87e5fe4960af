import { Path, duplicate, forbidden, invalid, required, type FieldError } from '../../../../machinery/field-path.ts';
import type { Service } from '../../../../machinery/kinds/core.ts';
import { validateLabels } from '../../../../machinery/labels.ts';
import { dns1123Label, dns1123Subdomain, portNumber, qualifiedName } from '../../../../machinery/names.ts';
import { chosen, faults, oneOf } from '../../checks.ts';
import { firstPlaces } from '../../first-places.ts';
import { validateIp } from '../pod/network.ts';
import { protocols } from '../pod/ports.ts';
import { validatePort } from '../pod/probes.ts';
import { validateAddresses } from './addresses.ts';

/** Source: "Service", "Virtual IPs and service proxies"; wording: Kubernetes' validation. */

type Spec = NonNullable<Service['spec']>;
type Port = NonNullable<Spec['ports']>[number];

const specPath = new Path('spec');
const longestAffinitySeconds = 86_400;
const types = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'] as const;

export function validateService({ spec }: Service): FieldError[] {
  if (spec === undefined) return [required(specPath.child('ports'))];
  return [
    ...validateByType(spec),
    ...validatePorts(spec),
    ...validateLabels(spec.selector, specPath.child('selector')),
    ...validateAffinity(spec),
    ...validateAddresses(spec, specPath),
    ...(spec.externalIPs ?? []).flatMap((ip, index) => validateIp(ip, specPath.child('externalIPs').index(index))),
    ...chosen(specPath.child('type'), spec.type, types),
    ...validateTraffic(spec),
  ];
}

function validateByType(spec: Spec): FieldError[] {
  const ports = spec.ports ?? [];
  const headless = spec.clusterIPs?.[0] === 'None' || spec.clusterIP === 'None';
  const errors: FieldError[] = [];
  if (ports.length === 0 && !headless && spec.type !== 'ExternalName') errors.push(required(specPath.child('ports')));
  if (headless && (spec.type === 'LoadBalancer' || spec.type === 'NodePort')) {
    errors.push(invalid(specPath.child('clusterIPs').index(0), 'None', `may not be set to 'None' for ${spec.type} services`));
  }
  if (spec.type !== 'ExternalName') return errors;
  for (const field of ['clusterIPs', 'ipFamilies'] as const) if ((spec[field] ?? []).length > 0) errors.push(forbidden(specPath.child(field), 'may not be set for ExternalName services'));
  if (spec.ipFamilyPolicy !== undefined) errors.push(forbidden(specPath.child('ipFamilyPolicy'), 'may not be set for ExternalName services'));
  const target = (spec.externalName ?? '').replace(/\.$/, '');
  const at = specPath.child('externalName');
  return [...errors, ...(target === '' ? [required(at)] : faults(at, target, dns1123Subdomain(target)))];
}

function validatePorts(spec: Spec): FieldError[] {
  const ports = spec.ports ?? [];
  const names = firstPlaces(ports, ({ name = '' }) => name);
  const nodePorts = firstPlaces(ports, ({ nodePort, protocol }) => `${nodePort}/${protocol}`);
  const numbers = firstPlaces(ports, ({ port, protocol }) => `${port}/${protocol}`);
  return ports.flatMap((port, index) => {
    const repeats = (first: readonly number[]) => (first[index] ?? index) < index;
    return validateServicePort(port, spec, specPath.child('ports').index(index), { name: repeats(names), nodePort: repeats(nodePorts), port: repeats(numbers) });
  });
}

/** `repeated`: which of its values a port before it has. */
function validateServicePort(port: Port, spec: Spec, path: Path, repeated: { readonly name: boolean; readonly nodePort: boolean; readonly port: boolean }): FieldError[] {
  const ports = spec.ports ?? [];
  const { name = '', nodePort = 0 } = port;
  const errors: FieldError[] = [];
  if (name === '' && ports.length > 1) errors.push(required(path.child('name')));
  if (name !== '') errors.push(...faults(path.child('name'), name, dns1123Label(name)));
  if (name !== '' && repeated.name) errors.push(duplicate(path.child('name'), name));
  errors.push(...faults(path.child('port'), port.port, portNumber(port.port)), ...chosen(path.child('protocol'), port.protocol, protocols));
  if (port.targetPort !== undefined) errors.push(...validatePort(port.targetPort, path.child('targetPort')));
  if (port.appProtocol !== undefined) errors.push(...faults(path.child('appProtocol'), port.appProtocol, qualifiedName(port.appProtocol)));
  if (nodePort !== 0 && spec.type === 'ClusterIP') errors.push(forbidden(path.child('nodePort'), "may not be used when `type` is 'ClusterIP'"));
  if (nodePort !== 0 && repeated.nodePort) errors.push(duplicate(path.child('nodePort'), nodePort));
  if (repeated.port) errors.push(duplicate(path, { protocol: port.protocol, port: port.port }));
  return errors;
}

function validateAffinity({ sessionAffinity, sessionAffinityConfig }: Spec): FieldError[] {
  const errors = chosen(specPath.child('sessionAffinity'), sessionAffinity, ['ClientIP', 'None']);
  if (sessionAffinity !== 'ClientIP') return errors;
  const seconds = sessionAffinityConfig?.clientIP?.timeoutSeconds ?? 0;
  if (seconds > 0 && seconds <= longestAffinitySeconds) return errors;
  return [...errors, invalid(specPath.child('sessionAffinityConfig', 'clientIP', 'timeoutSeconds'), seconds, `must be greater than 0 and less than ${longestAffinitySeconds}`)];
}

function validateTraffic(spec: Spec): FieldError[] {
  const { type, externalTrafficPolicy, internalTrafficPolicy, healthCheckNodePort = 0 } = spec;
  const external = type === 'NodePort' || type === 'LoadBalancer' || (type === 'ClusterIP' && (spec.externalIPs ?? []).length > 0);
  const errors: FieldError[] = [];
  const at = specPath.child('externalTrafficPolicy');
  if (!external && externalTrafficPolicy !== undefined) errors.push(invalid(at, externalTrafficPolicy, 'may only be set for externally-accessible services'));
  if (external) errors.push(...chosen(at, externalTrafficPolicy, ['Cluster', 'Local']));
  if (healthCheckNodePort !== 0 && !(type === 'LoadBalancer' && externalTrafficPolicy === 'Local')) {
    errors.push(invalid(specPath.child('healthCheckNodePort'), healthCheckNodePort, "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"));
  }
  if (type !== 'LoadBalancer') {
    for (const field of ['allocateLoadBalancerNodePorts', 'loadBalancerClass'] as const) {
      if (spec[field] !== undefined) errors.push(forbidden(specPath.child(field), "may only be used when `type` is 'LoadBalancer'"));
    }
    if ((spec.loadBalancerSourceRanges ?? []).length > 0) errors.push(forbidden(specPath.child('LoadBalancerSourceRanges'), "may only be used when `type` is 'LoadBalancer'"));
  }
  return [
    ...errors,
    ...oneOf(specPath.child('internalTrafficPolicy'), internalTrafficPolicy, ['Cluster', 'Local']),
    ...oneOf(specPath.child('trafficDistribution'), spec.trafficDistribution, ['PreferClose', 'PreferSameZone', 'PreferSameNode']),
  ];
}
