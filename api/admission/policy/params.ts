import type { ParamKind, ParamRef } from '../../../machinery/kinds/admission-registration.ts';
import { apiVersionOf, type KubernetesObject } from '../../../machinery/kinds/kind.ts';
import { matches, selectorOf } from '../../../machinery/selectors.ts';
import type { Resource } from '../../resources/define.ts';
import type { Admitted } from '../admission.ts';
import { objectValue } from './request-value.ts';

/** Finds the resource of a kind; undefined: none is served. */
export type ResourceOfKind = (apiVersion: string, kind: string) => Resource | undefined;

/** Each is asked about once. `problem` in Kubernetes' words. */
export type Params = { readonly list: readonly (object | null)[]; readonly problem?: undefined } | { readonly list?: undefined; readonly problem: string };

const without: Params = { list: [null] };

/** What is wrong with a policy whose parameters are of a kind that nobody serves; undefined: nothing is. */
export function paramKindProblem(kind: ParamKind | undefined, find: ResourceOfKind): string | undefined {
  if (kind === undefined || find(kind.apiVersion ?? '', kind.kind ?? '') !== undefined) return undefined;
  const { apiVersion = '', kind: name = '' } = kind;
  return `failed to find resource referenced by paramKind: '${apiVersion.includes('/') ? apiVersion : `/${apiVersion}`}, Kind=${name}'`;
}

/** The parameters with which a binding asks its policy. Source: "Validating admission policy", parameter resources. */
export function paramsOf(kind: ParamKind | undefined, ref: ParamRef | undefined, write: Admitted, find: ResourceOfKind): Params {
  const resource = kind === undefined ? undefined : find(kind.apiVersion ?? '', kind.kind ?? '');
  if (resource === undefined || ref === undefined) return without;
  const namespace = namespaceOf(resource, ref, write);
  if (typeof namespace === 'object') return namespace;
  const cache = write.caches.of(resource);
  const found: KubernetesObject[] = [];
  if (ref.name !== undefined && ref.name !== '') {
    const entry = cache.get(namespace, ref.name);
    if (entry !== undefined) found.push(entry.object);
  } else {
    const selector = selectorOf(ref.selector ?? {});
    for (const entry of cache.list(namespace)) if (matches(selector, entry.labels)) found.push(entry.object);
  }
  if (found.length > 0) return { list: found.map((object) => objectValue(object, resource)) };
  if (ref.parameterNotFoundAction === 'Allow') return { list: [] };
  return { problem: 'no params found for policy binding with `Deny` parameterNotFoundAction' };
}

/** Undefined: parameters of that kind have none. */
function namespaceOf(resource: Resource, ref: ParamRef, write: Admitted): string | undefined | { readonly problem: string } {
  const named = ref.namespace ?? '';
  if (resource.scope === 'Cluster') return named === '' ? undefined : { problem: 'paramRef.namespace must not be provided for a cluster-scoped `paramKind`' };
  if (named !== '') return named;
  if (write.resource.scope === 'Cluster') return { problem: 'cannot use namespaced paramRef in policy binding that matches cluster-scoped resources' };
  return write.namespace;
}

/** By apiVersion and kind among what is served. */
export function resourceOfKind(resources: () => readonly Resource[]): ResourceOfKind {
  return (apiVersion, kind) => resources().find((resource) => resource.kind === kind && apiVersionOf(resource) === apiVersion);
}
