import { ClusterRoleBinding } from '../../../machinery/kinds/cluster.ts';
import { pathSegment } from '../../../machinery/names.ts';
import { defineResource } from '../define.ts';
import { bindingColumns } from './binding-columns.ts';
import { defaultBinding, validateBinding, validateBindingUpdate } from './rules.ts';

/** Source: "RoleBinding and ClusterRoleBinding". */
export const clusterRoleBinding = defineResource<ClusterRoleBinding>(ClusterRoleBinding, {
  columns: bindingColumns<ClusterRoleBinding>(),
  validateName: pathSegment,
  defaults: defaultBinding,
  validate: (object) => validateBinding(object, ['ClusterRole'], false),
  validateUpdate: validateBindingUpdate,
});
