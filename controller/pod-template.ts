import type { OwnerReference, Pod, PodTemplateSpec } from '../machinery/kinds/core.ts';
import type { ObjectMeta } from '../machinery/kinds/kind.ts';

/** A pod as an owner's template describes it, to be created in the owner's namespace under a name that the server completes. */
export function podFromTemplate(template: PodTemplateSpec | undefined, owner: ObjectMeta | undefined, reference: OwnerReference): Pod {
  const { labels, annotations, finalizers } = template?.metadata ?? {};
  return {
    metadata: {
      generateName: `${owner?.name ?? ''}-`,
      ...(owner?.namespace === undefined ? {} : { namespace: owner.namespace }),
      ...(labels === undefined ? {} : { labels }),
      ...(annotations === undefined ? {} : { annotations }),
      ...(finalizers === undefined ? {} : { finalizers }),
      ownerReferences: [reference],
    },
    ...(template?.spec === undefined ? {} : { spec: template.spec }),
  };
}
