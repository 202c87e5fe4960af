import { Path, forbidden, invalid, notSupported, required, type FieldError } from '../../../../machinery/field-path.ts';
import type { NetworkPolicy } from '../../../../machinery/kinds/networking.ts';
import { validateLabelSelector } from '../../../../machinery/labels.ts';
import { portName, portNumber } from '../../../../machinery/names.ts';
import { faults, oneOf } from '../../checks.ts';
import { isStrictSubset, parseCidr, validateCidr } from '../cidr.ts';

/** Source: "NetworkPolicySpec", networking.k8s.io/v1; wording: Kubernetes' validation. */

type Spec = NonNullable<NetworkPolicy['spec']>;
type Rule = NonNullable<Spec['ingress']>[number];
type Peer = NonNullable<Rule['from']>[number];
type Port = NonNullable<Rule['ports']>[number];

const path = new Path('spec');
const mostTypes = 2;

export function validateNetworkPolicy({ spec = {} }: NetworkPolicy): FieldError[] {
  const { policyTypes = [] } = spec;
  const types = path.child('policyTypes');
  return [
    ...validateLabelSelector(spec.podSelector, path.child('podSelector')),
    ...(spec.ingress ?? []).flatMap((rule, index) => validateRule(rule.ports, rule.from, 'from', path.child('ingress').index(index))),
    ...(spec.egress ?? []).flatMap((rule, index) => validateRule(rule.ports, rule.to, 'to', path.child('egress').index(index))),
    ...(policyTypes.length > mostTypes ? [invalid(types, policyTypes, 'may not specify more than two policyTypes')]
      : policyTypes.filter((type) => type !== 'Ingress' && type !== 'Egress').map((type) => notSupported(types, type, ['Ingress', 'Egress']))),
  ];
}

function validateRule(ports: readonly Port[] = [], peers: readonly Peer[] = [], side: 'from' | 'to', at: Path): FieldError[] {
  return [
    ...ports.flatMap((port, index) => validatePort(port, at.child('ports').index(index))),
    ...peers.flatMap((peer, index) => validatePeer(peer, at.child(side).index(index))),
  ];
}

function validatePort({ protocol, port, endPort }: Port, at: Path): FieldError[] {
  const end = at.child('endPort');
  const errors = oneOf(at.child('protocol'), protocol, ['TCP', 'UDP', 'SCTP']);
  if (port === undefined) return endPort === undefined ? errors : [...errors, invalid(end, endPort, 'may not be specified when `port` is not specified')];
  if (typeof port === 'string') {
    if (endPort !== undefined) errors.push(invalid(end, endPort, 'may not be specified when `port` is non-numeric'));
    return [...errors, ...faults(at.child('port'), port, portName(port))];
  }
  errors.push(...faults(at.child('port'), port, portNumber(port)));
  if (endPort === undefined) return errors;
  if (endPort < port) errors.push(invalid(end, port, 'must be greater than or equal to `port`'));
  return [...errors, ...faults(end, endPort, portNumber(endPort))];
}

function validatePeer({ podSelector, namespaceSelector, ipBlock }: Peer, at: Path): FieldError[] {
  const errors = [...validateLabelSelector(podSelector, at.child('podSelector')), ...validateLabelSelector(namespaceSelector, at.child('namespaceSelector'))];
  const selects = podSelector !== undefined || namespaceSelector !== undefined;
  if (ipBlock === undefined) return selects ? errors : [...errors, required(at, 'must specify a peer')];
  errors.push(...validateBlock(ipBlock, at.child('ipBlock')));
  return selects ? [...errors, forbidden(at, 'may not specify both ipBlock and another peer')] : errors;
}

function validateBlock({ cidr: text = '', except = [] }: NonNullable<Peer['ipBlock']>, at: Path): FieldError[] {
  if (text === '') return [required(at.child('cidr'))];
  const cidr = parseCidr(text);
  if (cidr === undefined) return validateCidr(text, at.child('cidr'));
  return except.flatMap((one, index) => {
    const here = at.child('except').index(index);
    const inner = parseCidr(one);
    if (inner === undefined) return validateCidr(one, here);
    return isStrictSubset(inner, cidr) ? [] : [invalid(here, one, 'must be a strict subset of `cidr`')];
  });
}
