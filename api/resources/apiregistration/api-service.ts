import { invalid, Path, required, type FieldError } from '../../../machinery/field-path.ts';
import { APIService } from '../../../machinery/kinds/api-registration.ts';
import { dns1035Label, dns1123Subdomain, pathSegment, portNumber } from '../../../machinery/names.ts';
import { faults, oneOf } from '../checks.ts';
import { text } from '../columns.ts';
import { age, defineResource, name } from '../define.ts';

type Spec = NonNullable<APIService['spec']>;

const [highestGroupPriority, highestVersionPriority] = [20_000, 1000];

/** Who serves a version of a group: this server, or an extension server behind a Service. Source: "Kubernetes API aggregation layer". */
export const apiService = defineResource(APIService, {
  statusKeepsMetadata: true,
  updatesNameVersion: true,
  categories: ['api-extensions'],
  status: true,
  columns: [
    name(),
    text('Service', 'Who serves it.', (object) => serviceText(object.spec?.service)),
    text('Available', 'Does it answer?', availability),
    age(),
  ],
  validateName: pathSegment,
  defaults(draft) {
    const service = draft.spec?.service;
    if (service !== undefined) service.port ??= 443;
  },
  prepareForCreate(draft) {
    draft.status = {};
  },
  validate: (object) => [...validateName(object), ...validateSpec(object.spec, new Path('spec'))],
  validateStatusUpdate: ({ status }) => (status?.conditions ?? []).flatMap((condition, index) =>
    oneOf(new Path('status.conditions').index(index).child('status'), condition.status ?? '', ['True', 'False', 'Unknown'])),
});

function serviceText(service: Spec['service']): string {
  return service === undefined ? 'Local' : `${service.namespace ?? ''}/${service.name ?? ''}`;
}

function availability({ status }: APIService): string {
  const condition = status?.conditions?.find(({ type }) => type === 'Available');
  if (condition === undefined) return 'Unknown';
  return condition.status === 'True' ? 'True' : `${condition.status} (${condition.reason ?? ''})`;
}

function validateName({ metadata, spec }: APIService): FieldError[] {
  const [own, wanted] = [metadata?.name ?? '', `${spec?.version ?? ''}.${spec?.group ?? ''}`];
  return own === '' || own === wanted ? [] : [invalid(new Path('metadata.name'), own, `must be \`spec.version+"."+spec.group\`: ${JSON.stringify(wanted)}`)];
}

function validateSpec(spec: Spec | undefined, path: Path): FieldError[] {
  const { group = '', version = '', groupPriorityMinimum = 0, versionPriority = 0, service, caBundle = '', insecureSkipTLSVerify = false } = spec ?? {};
  const errors = [
    ...(group === '' && version !== 'v1' ? [required(path.child('group'), 'only v1 may have an empty group and it better be legacy kube')] : []),
    ...(group === '' ? [] : faults(path.child('group'), group, dns1123Subdomain(group))),
    ...faults(path.child('version'), version, dns1035Label(version)),
    ...between(groupPriorityMinimum, highestGroupPriority, path.child('groupPriorityMinimum')),
    ...between(versionPriority, highestVersionPriority, path.child('versionPriority')),
  ];
  const [bundle, skip] = [path.child('caBundle'), path.child('insecureSkipTLSVerify')];
  if (service === undefined) {
    if (caBundle !== '') errors.push(invalid(bundle, `${Buffer.byteLength(caBundle, 'base64')} bytes`, 'local APIServices may not have a caBundle'));
    if (insecureSkipTLSVerify) errors.push(invalid(skip, insecureSkipTLSVerify, 'local APIServices may not have insecureSkipTLSVerify'));
    return errors;
  }
  if (insecureSkipTLSVerify && caBundle !== '') errors.push(invalid(skip, insecureSkipTLSVerify, 'may not be true if caBundle is present'));
  return [...errors, ...validateService(service, path.child('service'))];
}

function between(value: number, highest: number, path: Path): FieldError[] {
  return value > 0 && value <= highest ? [] : [invalid(path, value, `must be positive and less than ${highest}`)];
}

function validateService({ name: own = '', namespace = '', port = 0 }: NonNullable<Spec['service']>, path: Path): FieldError[] {
  const messages = portNumber(port);
  return [
    ...(namespace === '' ? [required(path.child('namespace'))] : []),
    ...(own === '' ? [required(path.child('name'))] : []),
    ...(messages.length === 0 ? [] : [invalid(path.child('port'), port, `port is not valid: ${messages.join(', ')}`)]),
  ];
}
