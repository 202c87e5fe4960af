import type { Deployment, ReplicaSet, StatefulSet } from '../../../machinery/kinds/apps.ts';
import { formatSelector, selectorOf } from '../../../machinery/selectors.ts';
import type { ScalePaths } from '../define.ts';

/** How the kinds of this group scale: all by `spec.replicas`. */
export const replicasScale: ScalePaths<Deployment | ReplicaSet | StatefulSet> = {
  replicas: (object) => object.spec?.replicas ?? 0,
  statusReplicas: (object) => object.status?.replicas ?? 0,
  selector: (object) => formatSelector(selectorOf(object.spec?.selector)),
  setReplicas(draft, replicas) {
    if (draft.spec !== undefined) draft.spec.replicas = replicas;
  },
};
