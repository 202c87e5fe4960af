import { PriorityClass } from '../../machinery/kinds/cluster.ts';
import type { Pod } from '../../machinery/kinds/core.ts';
import type { Draft } from '../../machinery/kinds/wire.ts';
import type { Caches } from '../store/cache.ts';
import { refused } from '../access/refused.ts';
import { targetOf, type Admitted, type AdmissionPlugin } from './admission.ts';

/** A pod's priority comes of its class alone. Source: "Pod priority and preemption". */
export const priority: AdmissionPlugin = {
  name: 'Priority',
  handles: ({ operation, resource, subresource }) =>
    operation !== 'DELETE' && subresource === '' && ((resource.group === '' && resource.plural === 'pods') || isPriorityClass(resource)),
  mutate(write, draft) {
    const { spec } = draft as Draft<Pod>;
    if (isPriorityClass(write.resource) || spec === undefined) return;
    if (write.operation === 'UPDATE') keep(spec, (write.old as Pod | undefined)?.spec);
    else set(write, spec);
  },
  validate(write, object) {
    if (!isPriorityClass(write.resource) || (object as PriorityClass).globalDefault !== true) return;
    const other = globalDefault(write.caches);
    if (other === undefined || other.metadata?.name === write.name) return;
    throw refused(targetOf(write), `PriorityClass ${other.metadata?.name ?? ''} is already marked as default. Only one default can exist`);
  },
};

type Spec = NonNullable<Draft<Pod>['spec']>;

function keep(spec: Spec, old: Pod['spec']): void {
  if (spec.priority === undefined && old?.priority !== undefined) spec.priority = old.priority;
  if (spec.preemptionPolicy === undefined && old?.preemptionPolicy !== undefined) spec.preemptionPolicy = old.preemptionPolicy;
}

function set(write: Admitted, spec: Spec): void {
  const named = spec.priorityClassName ?? '';
  const found = named === '' ? globalDefault(write.caches) : write.caches.of(PriorityClass).get(undefined, named)?.object;
  if (named !== '' && found === undefined) throw refused(targetOf(write), `no PriorityClass with name ${named} was found`);
  const value = found?.value ?? 0;
  const policy = found?.preemptionPolicy ?? 'PreemptLowerPriority';
  if (spec.priority !== undefined && spec.priority !== value) {
    throw refused(targetOf(write), `the integer value of priority (${spec.priority}) must not be provided in pod spec; priority admission controller computed ${value} from the given PriorityClass name`);
  }
  if (spec.preemptionPolicy !== undefined && spec.preemptionPolicy !== policy) {
    throw refused(targetOf(write), `the string value of PreemptionPolicy (${spec.preemptionPolicy}) must not be provided in pod spec; priority admission controller computed ${policy} from the given PriorityClass name`);
  }
  spec.priority = value;
  spec.preemptionPolicy = policy;
  const className = found?.metadata?.name;
  if (className !== undefined) spec.priorityClassName = className;
}

/** Of several (an older server may have let them in) the lowest value counts. */
function globalDefault(caches: Caches): PriorityClass | undefined {
  let found: PriorityClass | undefined;
  for (const { object } of caches.of(PriorityClass).list()) {
    if (object.globalDefault === true && (found === undefined || (object.value ?? 0) < (found.value ?? 0))) found = object;
  }
  return found;
}

function isPriorityClass({ group, plural }: { readonly group: string; readonly plural: string }): boolean {
  return group === PriorityClass.group && plural === PriorityClass.plural;
}
