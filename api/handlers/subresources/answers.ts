import type { KubernetesObject } from '../../../machinery/kinds/kind.ts';
import { Path, invalidObject, invalid } from '../../../machinery/field-path.ts';
import type { Result } from '../../request.ts';
import type { Resource } from '../../resources/define.ts';

/** A Status that says no more than that it was done: what binding and eviction answer. */
export function success(resource: Resource, code: 200 | 201): Result {
  const object = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code } as KubernetesObject;
  return { type: 'object', code, resource, object };
}

/** 422 for one field of a subresource's body. */
export function invalidField(kind: { readonly group: string; readonly kind: string }, name: string, path: readonly string[], value: unknown, detail: string) {
  return invalidObject(kind, name, [invalid(new Path().child(...path), value, detail)]);
}
