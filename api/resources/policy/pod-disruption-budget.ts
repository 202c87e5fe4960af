import { Path, invalid, type FieldError } from '../../../machinery/field-path.ts';
import { PodDisruptionBudget } from '../../../machinery/kinds/policy.ts';
import { validateLabelSelector } from '../../../machinery/labels.ts';
import { countOrPercent, notMoreThanAll, notNegative, oneOf } from '../checks.ts';
import { count, text } from '../columns.ts';
import { age, defineResource, name } from '../define.ts';

const path = new Path('spec');
const shown = (value: number | string | undefined): string => (value === undefined ? 'N/A' : String(value));

function validate({ spec }: PodDisruptionBudget): FieldError[] {
  if (spec === undefined) return [];
  const { minAvailable, maxUnavailable } = spec;
  return [
    ...(minAvailable !== undefined && maxUnavailable !== undefined ? [invalid(path, spec, 'minAvailable and maxUnavailable cannot be both set')] : []),
    ...(['minAvailable', 'maxUnavailable'] as const).flatMap((field) => [...countOrPercent(path.child(field), spec[field]), ...notMoreThanAll(path.child(field), spec[field])]),
    ...validateLabelSelector(spec.selector, path.child('selector')),
    ...oneOf(path.child('unhealthyPodEvictionPolicy'), spec.unhealthyPodEvictionPolicy, ['AlwaysAllow', 'IfHealthyBudget']),
  ];
}

/** Source: "Specifying a disruption budget"; wording: Kubernetes' validation. What honours it: `pods/eviction`. */
export const podDisruptionBudget = defineResource(PodDisruptionBudget, {
  updatesNameVersion: true,
  shortNames: ['pdb'],
  generation: true,
  status: true,
  columns: [
    name(),
    text('Min Available', 'How many pods must stay.', (object) => shown(object.spec?.minAvailable)),
    text('Max Unavailable', 'How many pods may be missing.', (object) => shown(object.spec?.maxUnavailable)),
    count('Allowed Disruptions', 'How many pods may be evicted now.', (object) => object.status?.disruptionsAllowed ?? 0),
    age(),
  ],
  prepareForCreate(draft) {
    draft.status = { currentHealthy: 0, desiredHealthy: 0, disruptionsAllowed: 0, expectedPods: 0 };
  },
  validate,
  validateStatusUpdate: ({ status }) => (['disruptionsAllowed', 'currentHealthy', 'desiredHealthy', 'expectedPods'] as const)
    .flatMap((field) => notNegative(new Path('status').child(field), status?.[field])),
});
