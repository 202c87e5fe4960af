import { Path, forbidden, invalid, notSupported, required, type FieldError } from '../../../machinery/field-path.ts';
import { ReplicationController } from '../../../machinery/kinds/core.ts';
import { formatSelector, matches, selectorOfMap } from '../../../machinery/selectors.ts';
import { validateCounts } from '../apps/counts.ts';
import { notNegative } from '../checks.ts';
import { count, joined, labelsText, text } from '../columns.ts';
import { age, defineResource, name } from '../define.ts';
import { defaultTemplate, validateTemplate } from './pod/template.ts';
import { hostNameWarnings, podWarnings } from './pod/warnings.ts';

const path = new Path('spec');
const containers = ({ spec }: ReplicationController) => spec?.template?.spec?.containers ?? [];

function validate({ spec = {} }: ReplicationController): FieldError[] {
  const at = path.child('template');
  const { selector = {}, template } = spec;
  const errors = [...notNegative(path.child('minReadySeconds'), spec.minReadySeconds), ...notNegative(path.child('replicas'), spec.replicas)];
  if (Object.keys(selector).length === 0) errors.push(required(path.child('selector')));
  if (template === undefined) return [...errors, required(at)];
  const { restartPolicy = 'Always', activeDeadlineSeconds } = template.spec ?? {};
  const labels = template.metadata?.labels;
  if (Object.keys(selector).length > 0 && !matches(selectorOfMap(selector), labels)) {
    errors.push(invalid(at.child('metadata', 'labels'), labels ?? {}, '`selector` does not match template `labels`'));
  }
  errors.push(...validateTemplate(template, at));
  if (restartPolicy !== 'Always') errors.push(notSupported(at.child('spec', 'restartPolicy'), restartPolicy, ['Always']));
  if (activeDeadlineSeconds !== undefined) errors.push(forbidden(at.child('spec', 'activeDeadlineSeconds'), 'activeDeadlineSeconds in ReplicationController is not Supported'));
  return errors;
}

/** Source: "ReplicationController"; what a ReplicaSet was before. */
export const replicationController = defineResource(ReplicationController, {
  shortNames: ['rc'],
  categories: ['all'],
  generation: true,
  status: true,
  fields: { 'status.replicas': (object) => String(object.status?.replicas ?? 0) },
  columns: [
    name(),
    count('Desired', 'How many pods are wanted.', (object) => object.spec?.replicas ?? 0),
    count('Current', 'How many pods there are.', (object) => object.status?.replicas ?? 0),
    count('Ready', 'How many pods are ready.', (object) => object.status?.readyReplicas ?? 0),
    age(),
    text('Containers', "Names of the template's containers.", (object) => joined(containers(object).map((container) => container.name)), 1),
    text('Images', "Images of the template's containers.", (object) => joined(containers(object).map((container) => container.image ?? '')), 1),
    text('Selector', 'Which pods belong to the object.', (object) => labelsText(object.spec?.selector), 1),
  ],
  scale: {
    replicas: (object) => object.spec?.replicas ?? 0,
    statusReplicas: (object) => object.status?.replicas ?? 0,
    selector: (object) => formatSelector(selectorOfMap(object.spec?.selector ?? {})),
    setReplicas(draft, replicas) {
      draft.spec = { ...draft.spec, replicas };
    },
  },
  defaults(draft) {
    const spec = (draft.spec ??= {});
    spec.replicas ??= 1;
    if (spec.template === undefined) return;
    defaultTemplate(spec);
    const labels = spec.template.metadata?.labels;
    if (labels === undefined) return;
    if (Object.keys(spec.selector ?? {}).length === 0) spec.selector = { ...labels };
    if (draft.metadata !== undefined && Object.keys(draft.metadata.labels ?? {}).length === 0) draft.metadata.labels = { ...labels };
  },
  prepareForCreate(draft) {
    draft.status = { replicas: 0 };
  },
  validate,
  validateStatusUpdate: (object, old) => validateCounts(object.status, old.status),
  createWarnings: ({ metadata }) => hostNameWarnings(metadata?.name),
  warnings: (object) => podWarnings(object.spec?.template, new Path('spec.template')),
  // Pods stay unless their deletion is asked for: what v1 has always done.
  deletion: { defaultPropagation: 'Orphan' },
});
