import type { V1ListMeta, V1ObjectMeta } from '@kubernetes/client-node';
import type { Wire } from './wire.ts';

export type ObjectMeta = Wire<V1ObjectMeta>;
export type ListMeta = Wire<V1ListMeta>;

/** What every object of the API has. */
export interface KubernetesObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata?: ObjectMeta;
}

/** A list answer; items omit kind and apiVersion for built-in kinds, as Kubernetes does. */
export interface KubernetesList<T> {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: ListMeta;
  readonly items: readonly T[];
}

export type Scope = 'Namespaced' | 'Cluster';

/** What a kind is as a value: how it is addressed, and (in `T`) what its objects look like. */
export interface Kind<T extends KubernetesObject = KubernetesObject> {
  /** '' for the core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly scope: Scope;
  /** Never set: carries `T` to the compiler. */
  readonly objectType?: T;
}

/** `v1`, `apps/v1`. */
export function apiVersionOf(kind: Pick<Kind, 'group' | 'version'>): string {
  return kind.group === '' ? kind.version : `${kind.group}/${kind.version}`;
}

export function defineKind<T extends KubernetesObject>(group: string, version: string, kind: string, plural: string, scope: Scope = 'Namespaced'): Kind<T> {
  return { group, version, kind, plural, scope };
}
