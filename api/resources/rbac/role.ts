import { Path } from '../../../machinery/field-path.ts';
import { Role } from '../../../machinery/kinds/cluster.ts';
import { pathSegment } from '../../../machinery/names.ts';
import { createdAt } from '../columns.ts';
import { defineResource, name } from '../define.ts';
import { validateRules } from './rules.ts';

/** Source: "Role and ClusterRole". */
export const role = defineResource(Role, {
  columns: [name(), createdAt()],
  validateName: pathSegment,
  validate: (object) => validateRules(object.rules ?? [], true, new Path('rules')),
});
