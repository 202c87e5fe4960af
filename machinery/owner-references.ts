import type { OwnerReference } from './kinds/core.ts';
import { apiVersionOf, type Kind, type KubernetesObject, type ObjectMeta } from './kinds/kind.ts';

/** Who owns an object, and which owner manages it. Source: "Owners and Dependents". */

/** The one owner that manages the object. */
export function controllerOf(metadata: ObjectMeta | undefined): OwnerReference | undefined {
  return metadata?.ownerReferences?.find((owner) => owner.controller === true);
}

/** A reference that makes `owner` the managing owner, and holds its foreground deletion until the dependent is gone. */
export function ownerReference(owner: KubernetesObject, kind: Pick<Kind, 'group' | 'version' | 'kind'>): OwnerReference {
  return {
    apiVersion: apiVersionOf(kind), kind: kind.kind, name: owner.metadata?.name ?? '', uid: owner.metadata?.uid ?? '',
    controller: true, blockOwnerDeletion: true,
  };
}

/** The API group of an owner reference: '' for core. */
export function groupOf(apiVersion: string): string {
  const slash = apiVersion.indexOf('/');
  return slash < 0 ? '' : apiVersion.slice(0, slash);
}
