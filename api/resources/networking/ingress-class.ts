import { Path, forbidden, required, tooLong, type FieldError } from '../../../machinery/field-path.ts';
import { IngressClass } from '../../../machinery/kinds/networking.ts';
import { dns1123Label, dns1123Subdomain, pathSegment } from '../../../machinery/names.ts';
import { domainPrefixedPath, faults, oneOf, optional } from '../checks.ts';
import { none, text } from '../columns.ts';
import { age, defineResource, name } from '../define.ts';
import { immutable } from '../immutable.ts';

type Parameters = NonNullable<NonNullable<IngressClass['spec']>['parameters']>;

const path = new Path('spec');
const longestController = 250;

function validateParameters({ apiGroup, kind = '', name: of = '', scope, namespace = '' }: Parameters, at: Path): FieldError[] {
  const errors = [
    ...optional(at.child('apiGroup'), apiGroup, dns1123Subdomain),
    ...(kind === '' ? [required(at.child('kind'), 'kind is required')] : faults(at.child('kind'), kind, pathSegment(kind))),
    ...(of === '' ? [required(at.child('name'), 'name is required')] : faults(at.child('name'), of, pathSegment(of))),
    ...oneOf(at.child('scope'), scope, ['Cluster', 'Namespace']),
  ];
  if (scope === 'Namespace') errors.push(...(namespace === '' ? [required(at.child('namespace'), "`parameters.scope` is set to 'Namespace'")] : faults(at.child('namespace'), namespace, dns1123Label(namespace))));
  if (scope === 'Cluster' && namespace !== '') errors.push(forbidden(at.child('namespace'), "`parameters.scope` is set to 'Cluster'"));
  return errors;
}

function parameters({ spec }: IngressClass): string {
  if (spec?.parameters === undefined) return none;
  const { apiGroup, kind, name: of } = spec.parameters;
  return `${kind}${apiGroup === undefined ? '' : `.${apiGroup}`}/${of}`;
}

/** Source: "Ingress class"; wording: Kubernetes' validation. */
export const ingressClass = defineResource(IngressClass, {
  generation: true,
  columns: [
    name(),
    text('Controller', 'Who carries out the Ingresses of this class.', (object) => object.spec?.controller ?? ''),
    text('Parameters', 'What more the controller should know.', parameters),
    age(),
  ],
  defaults(draft) {
    if (draft.spec?.parameters !== undefined) draft.spec.parameters.scope ??= 'Cluster';
  },
  validate({ spec = {} }) {
    const at = path.child('controller');
    const { controller = '' } = spec;
    return [
      ...(controller.length > longestController ? [tooLong(at, longestController)] : []),
      ...domainPrefixedPath(at, controller),
      ...(spec.parameters === undefined ? [] : validateParameters(spec.parameters, path.child('parameters'))),
    ];
  },
  validateUpdate: (object, old) => immutable(object.spec?.controller, old.spec?.controller, path.child('controller')),
});
