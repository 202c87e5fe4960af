import { duplicate, forbidden, invalid, notSupported, Path, required, type FieldError } from '../../../machinery/field-path.ts';
import { FlowSchema } from '../../../machinery/kinds/flow-control.ts';
import { dns1123Label, dns1123Subdomain } from '../../../machinery/names.ts';
import { faults, named } from '../checks.ts';
import { count, none, text } from '../columns.ts';
import { age, defineResource, name } from '../define.ts';
import { same } from '../immutable.ts';
import { flowSchemas, mandatory } from './defaults.ts';

type Spec = NonNullable<FlowSchema['spec']>;
type Rules = NonNullable<Spec['rules']>[number];
type Subject = Rules['subjects'][number];
type ResourceRule = NonNullable<Rules['resourceRules']>[number];
type NonResourceRule = NonNullable<Rules['nonResourceRules']>[number];

const lastPrecedence = 10_000;
const distinguishers = ['ByNamespace', 'ByUser'] as const;
const verbs: readonly string[] = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'proxy', 'update', 'watch'];

/** Which requests are one flow, and at which priority level they are served. Source: "API priority and fairness". */
export const flowSchema = defineResource(FlowSchema, {
  statusKeepsMetadata: true,
  generation: true,
  status: true,
  columns: [
    name(),
    text('PriorityLevel', 'Where its requests are served.', (object) => object.spec?.priorityLevelConfiguration?.name ?? ''),
    { ...count('MatchingPrecedence', 'The lowest that matches a request is asked.', (object: FlowSchema) => object.spec?.matchingPrecedence ?? 0), type: 'string' },
    text('DistinguisherMethod', 'What makes flows of its requests.', (object) => object.spec?.distinguisherMethod?.type ?? none),
    age(),
    text('MissingPL', 'Is there no such priority level?', (object) => object.status?.conditions?.find(({ type }) => type === 'Dangling')?.status ?? '?'),
  ],
  rowOrder: byPrecedence,
  defaults(draft) {
    if (draft.spec !== undefined) draft.spec.matchingPrecedence ??= 1000;
  },
  prepareForCreate(draft) {
    draft.status = {};
  },
  validate(object) {
    const path = new Path('spec');
    const own = object.metadata?.name ?? '';
    const errors = validateSpec(own, object.spec, path);
    const fixed = mandatory.includes(own) ? flowSchemas.find((one) => one.name === own) : undefined;
    return fixed === undefined || same(fixed.spec, object.spec) ? errors : [...errors, invalid(path, object.spec, `spec of '${own}' must equal the fixed value`)];
  },
  validateStatusUpdate: ({ status }) => validateStatus(status?.conditions, new Path('status.conditions')),
});

/** In the order in which requests are matched. */
export function byPrecedence(a: FlowSchema, b: FlowSchema): number {
  const order = (a.spec?.matchingPrecedence ?? lastPrecedence) - (b.spec?.matchingPrecedence ?? lastPrecedence);
  return order !== 0 ? order : (a.metadata?.name ?? '') < (b.metadata?.name ?? '') ? -1 : 1;
}

/** Conditions of both kinds of this group: named, once each. */
export function validateStatus(conditions: readonly { readonly type?: string }[] | undefined, path: Path): FieldError[] {
  const types = (conditions ?? []).map(({ type = '' }) => type);
  return types.flatMap((type, index) => [
    ...(types.indexOf(type) < index ? [duplicate(path.index(index).child('type'), type)] : []),
    ...(type === '' ? [required(path.index(index).child('type'), 'must not be empty')] : []),
  ]);
}

function validateSpec(own: string, spec: Spec | undefined, path: Path): FieldError[] {
  const { matchingPrecedence = 0, distinguisherMethod, priorityLevelConfiguration, rules = [] } = spec ?? {};
  const [precedence, level] = [path.child('matchingPrecedence'), path.child('priorityLevelConfiguration', 'name')];
  const reference = priorityLevelConfiguration?.name ?? '';
  return [
    ...(matchingPrecedence <= 0 ? [invalid(precedence, matchingPrecedence, 'must be a positive value')] : []),
    ...(matchingPrecedence > lastPrecedence ? [invalid(precedence, matchingPrecedence, `must not be greater than ${lastPrecedence}`)] : []),
    ...(matchingPrecedence === 1 && own !== 'exempt' ? [invalid(precedence, matchingPrecedence, "only the schema named 'exempt' may have matchingPrecedence 1")] : []),
    ...(distinguisherMethod === undefined || distinguishers.some((one) => one === distinguisherMethod.type) ? [] : [notSupported(path.child('distinguisherMethod', 'type'), distinguisherMethod, distinguishers)]),
    ...(reference === '' ? [required(level, 'must reference a priority level')] : faults(level, reference, dns1123Subdomain(reference))),
    ...rules.flatMap((rule, index) => validateRules(rule, path.child('rules').index(index))),
  ];
}

function validateRules({ subjects = [], resourceRules = [], nonResourceRules = [] }: Partial<Rules>, path: Path): FieldError[] {
  return [
    ...(subjects.length === 0 ? [required(path.child('subjects'), 'subjects must contain at least one value')] : []),
    ...subjects.flatMap((subject, index) => validateSubject(subject, path.child('subjects').index(index))),
    ...(resourceRules.length + nonResourceRules.length === 0 ? [required(path, 'at least one of resourceRules and nonResourceRules has to be non-empty')] : []),
    ...resourceRules.flatMap((rule, index) => validateResourceRule(rule, path.child('resourceRules').index(index))),
    ...nonResourceRules.flatMap((rule, index) => validateNonResourceRule(rule, path.child('nonResourceRules').index(index))),
  ];
}

const fieldOf = { Group: 'group', ServiceAccount: 'serviceAccount', User: 'user' } as const;

function validateSubject(subject: Subject, path: Path): FieldError[] {
  const { kind = '' } = subject;
  if (!Object.hasOwn(fieldOf, kind)) return [notSupported(path.child('kind'), kind, Object.keys(fieldOf))];
  return Object.entries(fieldOf).flatMap(([type, field]) => {
    const at = path.child(field);
    if (type !== kind) return subject[field] === undefined ? [] : [forbidden(at, `${field} is forbidden when subject kind is not '${type}'`)];
    if (subject[field] === undefined) return [required(at, `${field} is required when subject kind is '${type}'`)];
    return field === 'serviceAccount' ? validateServiceAccount(subject.serviceAccount ?? {}, at) : named(at.child('name'), subject[field].name, () => []);
  });
}

function validateServiceAccount({ name: account = '', namespace = '' }: Partial<NonNullable<Subject['serviceAccount']>>, path: Path): FieldError[] {
  return [
    ...(account === '*' ? [] : named(path.child('name'), account, dns1123Subdomain)),
    ...(namespace === '' ? [required(path.child('namespace'), 'must specify namespace for service account')] : faults(path.child('namespace'), namespace, dns1123Label(namespace))),
  ];
}

/** Something, of which `*` stands alone. */
function listed(values: readonly string[], others: string, missing: string, path: Path): FieldError[] {
  if (values.length === 0) return [required(path, missing)];
  return values.length > 1 && values.includes('*') ? [invalid(path, values, `if '*' is present, must not specify other ${others}`)] : [];
}

function validateVerbs(asked: readonly string[], path: Path): FieldError[] {
  const errors = listed(asked, 'verbs', 'verbs must contain at least one value', path);
  return asked.includes('*') || asked.every((verb) => verbs.includes(verb)) ? errors : [...errors, notSupported(path, asked, verbs)];
}

function validateResourceRule(rule: ResourceRule, path: Path): FieldError[] {
  const { verbs: asked = [], apiGroups = [], resources = [], namespaces = [], clusterScope = false } = rule;
  const at = path.child('namespaces');
  return [
    ...validateVerbs(asked, path.child('verbs')),
    ...listed(apiGroups, 'api groups', 'resource rules must supply at least one api group', path.child('apiGroups')),
    ...listed(resources, 'resources', 'resource rules must supply at least one resource', path.child('resources')),
    ...(namespaces.length === 0 && clusterScope ? [] : listed(namespaces, 'namespaces', 'resource rules that are not cluster scoped must supply at least one namespace', at)),
    ...(namespaces.includes('*') ? [] : namespaces.flatMap((namespace, index) => dns1123Label(namespace)
      .map((message) => invalid(at.index(index), namespace, `each member of this list must be '*' or a DNS-1123 label; ${message}`)))),
  ];
}

function validateNonResourceRule({ verbs: asked = [], nonResourceURLs = [] }: Partial<NonResourceRule>, path: Path): FieldError[] {
  const at = path.child('nonResourceURLs');
  return [
    ...validateVerbs(asked, path.child('verbs')),
    ...listed(nonResourceURLs, 'non-resource URLs', 'nonResourceURLs must contain at least one value', at),
    ...(nonResourceURLs.includes('*') ? [] : nonResourceURLs.flatMap((url, index) => {
      const wrong = urlFault(url);
      return wrong === undefined ? [] : [invalid(at.index(index), url, wrong)];
    })),
  ];
}

function urlFault(url: string): string | undefined {
  if (url === '') return 'must not be empty';
  if (!url.startsWith('/')) return 'must start with slash';
  if (url.includes(' ')) return 'must not contain white-space';
  if (url.includes('//')) return 'must not contain double slash';
  const stars = url.split('*').length - 1;
  return stars > 1 || (stars === 1 && !url.endsWith('/*')) ? 'wildcard can only do suffix matching' : undefined;
}
