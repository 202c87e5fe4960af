import type { V1ObjectFieldSelector, V1ResourceFieldSelector } from '@kubernetes/client-node';
import { invalid, notSupported, required, type FieldError, type Path } from '../../../../machinery/field-path.ts';
import type { Wire } from '../../../../machinery/kinds/wire.ts';
import { qualifiedName } from '../../../../machinery/names.ts';
import { canonical } from '../../../../machinery/quantity.ts';
import { faults } from '../../checks.ts';

/** References to a pod's own fields and resources. Source: "Downward API: available fields". */

const inEnvironment = [
  'metadata.name', 'metadata.namespace', 'metadata.uid', 'spec.nodeName', 'spec.serviceAccountName', 'status.hostIP', 'status.hostIPs', 'status.podIP', 'status.podIPs',
];
const inFiles = ['metadata.annotations', 'metadata.labels', 'metadata.name', 'metadata.namespace', 'metadata.uid'];
const anywhere = new Set([...inEnvironment, ...inFiles, 'spec.restartPolicy', 'status.phase']);
const resources = ['limits.cpu', 'limits.ephemeral-storage', 'limits.memory', 'requests.cpu', 'requests.ephemeral-storage', 'requests.memory'];
const byteDivisors = ['1', '1k', '1M', '1G', '1T', '1P', '1E', '1Ki', '1Mi', '1Gi', '1Ti', '1Pi', '1Ei'];

export function validateFieldRef(ref: Wire<V1ObjectFieldSelector>, where: 'environment' | 'files', path: Path): FieldError[] {
  const { apiVersion = '', fieldPath = '' } = ref;
  if (apiVersion === '') return [required(path.child('apiVersion'))];
  if (fieldPath === '') return [required(path.child('fieldPath'))];
  const [, base = '', key] = /^([^[]*)\['(.*)'\]$/s.exec(fieldPath) ?? [];
  if (key !== undefined) return validateSubscript(base, key, fieldPath, path);
  if (apiVersion !== 'v1' || !anywhere.has(fieldPath)) return [invalid(path.child('fieldPath'), fieldPath, `error converting fieldPath: field label not supported: ${fieldPath}`)];
  const choices = where === 'environment' ? inEnvironment : inFiles;
  return choices.includes(fieldPath) ? [] : [notSupported(path.child('fieldPath'), fieldPath, choices)];
}

function validateSubscript(base: string, key: string, fieldPath: string, path: Path): FieldError[] {
  if (base === 'metadata.annotations') return faults(path, key.toLowerCase(), qualifiedName(key.toLowerCase()));
  if (base === 'metadata.labels') return faults(path, key, qualifiedName(key));
  if (!anywhere.has(base)) return [invalid(path.child('fieldPath'), fieldPath, `error converting fieldPath: field label does not support subscript: ${fieldPath}`)];
  return [invalid(path, base, 'does not support subscript')];
}

export function validateResourceRef(ref: Wire<V1ResourceFieldSelector>, where: 'environment' | 'files', path: Path): FieldError[] {
  const { resource = '', containerName = '', divisor } = ref;
  const huge = /^(requests|limits)\.hugepages-/.test(resource);
  const errors: FieldError[] = [];
  if (where === 'files' && containerName === '') errors.push(required(path.child('containerName')));
  else if (resource === '') errors.push(required(path.child('resource')));
  else if (!resources.includes(resource) && !huge) errors.push(notSupported(path.child('resource'), resource, resources));
  return [...errors, ...validateDivisor(resource, divisor, path.child('divisor'))];
}

function validateDivisor(resource: string, divisor: string | undefined, path: Path): FieldError[] {
  const text = divisor === undefined ? '0' : canonical(divisor);
  if (text === '0') return [];
  const cpu = resource.endsWith('.cpu');
  const choices = cpu ? ['1m', '1'] : byteDivisors;
  if (text !== undefined && choices.includes(text)) return [];
  const kind = cpu ? 'cpu resource' : resource.endsWith('.ephemeral-storage') ? 'local ephemeral storage resource' : resource.includes('hugepages-') ? 'hugepages resource' : 'memory resource';
  const values = cpu ? '1m and 1' : byteDivisors.join(', ');
  return [invalid(path, resource, `only divisor's values ${values} are supported with the ${kind}`)];
}
