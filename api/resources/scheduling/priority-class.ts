import { Path, forbidden, invalid, notSupported, type FieldError } from '../../../machinery/field-path.ts';
import { PriorityClass } from '../../../machinery/kinds/cluster.ts';
import { count, text } from '../columns.ts';
import { age, defineResource, name } from '../define.ts';

/** Above this only the cluster's own classes go. */
const highestUserPriority = 1_000_000_000;
const systemClasses: Readonly<Record<string, number>> = { 'system-cluster-critical': 2_000_000_000, 'system-node-critical': 2_000_001_000 };
const policies = ['Never', 'PreemptLowerPriority'] as const;

/** Source: "Pod priority and preemption". */
export const priorityClass = defineResource(PriorityClass, {
  shortNames: ['pc'],
  generation: true,
  columns: [
    name(),
    count('Value', 'The priority of its pods.', (object) => object.value ?? 0),
    { name: 'Global-Default', type: 'boolean', description: 'Is it the class of pods that name none?', cell: (object) => object.globalDefault ?? false },
    age(),
    text('PreemptionPolicy', 'May its pods push others out?', (object) => object.preemptionPolicy ?? ''),
  ],
  defaults(draft) {
    draft.preemptionPolicy ??= 'PreemptLowerPriority';
  },
  validate: (object) => [...validateValue(object), ...validatePolicy(object.preemptionPolicy)],
  validateUpdate(object, old) {
    const errors: FieldError[] = [];
    if (object.value !== old.value) errors.push(forbidden(new Path('value'), 'may not be changed in an update.'));
    if (object.preemptionPolicy !== old.preemptionPolicy) {
      errors.push(invalid(new Path('preemptionPolicy'), object.preemptionPolicy, 'field is immutable'));
    }
    return errors;
  },
});

function validateValue(object: PriorityClass): FieldError[] {
  const own = object.metadata?.name ?? '';
  if (own.startsWith('system-')) {
    const value = systemClasses[own];
    if (value === object.value) return [];
    return [forbidden(new Path('metadata.name'), `priority class names with 'system-' prefix are reserved for system use only. error: ${value === undefined ? `${own} is not a known system priority class` : `value of ${own} PriorityClass must be ${value}`}`)];
  }
  if ((object.value ?? 0) <= highestUserPriority) return [];
  return [forbidden(new Path('value'), `maximum allowed value of a user defined priority is ${highestUserPriority}`)];
}

function validatePolicy(policy: string | undefined): FieldError[] {
  return policy === undefined || policies.some((one) => one === policy) ? [] : [notSupported(new Path('preemptionPolicy'), policy, policies)];
}
