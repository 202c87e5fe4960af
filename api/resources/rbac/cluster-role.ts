import { Path, type FieldError } from '../../../machinery/field-path.ts';
import { ClusterRole } from '../../../machinery/kinds/cluster.ts';
import { validateLabelSelector } from '../../../machinery/labels.ts';
import { pathSegment } from '../../../machinery/names.ts';
import { createdAt } from '../columns.ts';
import { defineResource, name } from '../define.ts';
import { validateRules } from './rules.ts';

/** Source: "Role and ClusterRole", "Aggregated ClusterRoles". */
export const clusterRole = defineResource(ClusterRole, {
  columns: [name(), createdAt()],
  validateName: pathSegment,
  validate: (object) => [...validateRules(object.rules ?? [], false, new Path('rules')), ...validateAggregation(object)],
});

function validateAggregation({ aggregationRule }: ClusterRole): FieldError[] {
  if (aggregationRule === undefined) return [];
  const path = new Path('aggregationRule.clusterRoleSelectors');
  const selectors = aggregationRule.clusterRoleSelectors ?? [];
  if (selectors.length === 0) {
    return [{ type: 'FieldValueRequired', path, body: 'Required value: at least one clusterRoleSelector required if aggregationRule is non-nil' }];
  }
  return selectors.flatMap((selector, index) => validateLabelSelector(selector, path.index(index)));
}
