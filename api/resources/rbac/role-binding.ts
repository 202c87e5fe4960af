import { RoleBinding } from '../../../machinery/kinds/cluster.ts';
import { pathSegment } from '../../../machinery/names.ts';
import { defineResource } from '../define.ts';
import { bindingColumns } from './binding-columns.ts';
import { defaultBinding, validateBinding, validateBindingUpdate } from './rules.ts';

/** Source: "RoleBinding and ClusterRoleBinding". */
export const roleBinding = defineResource<RoleBinding>(RoleBinding, {
  columns: bindingColumns<RoleBinding>(),
  validateName: pathSegment,
  defaults: defaultBinding,
  validate: (object) => validateBinding(object, ['Role', 'ClusterRole'], true),
  validateUpdate: validateBindingUpdate,
});
