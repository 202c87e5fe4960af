import { authorizerType, resourceCheckType } from '../../../machinery/cel/library/authorizers.ts';
import { bool, dyn, int, list, map, object, string, timestamp, type Type } from '../../../machinery/cel/types.ts';

/** The variables that expressions of admission have. Source: "Validating admission policy", validation expression; "Match conditions". */

const groupVersionKind = object('kubernetes.GroupVersionKind', { group: string, version: string, kind: string });
const groupVersionResource = object('kubernetes.GroupVersionResource', { group: string, version: string, resource: string });
const userInfo = object('kubernetes.UserInfo', { username: string, uid: string, groups: list(string), extra: map(string, list(string)) });

const request = object('kubernetes.AdmissionRequest', {
  kind: groupVersionKind, resource: groupVersionResource, subResource: string,
  requestKind: groupVersionKind, requestResource: groupVersionResource, requestSubResource: string,
  name: string, namespace: string, operation: string, userInfo, dryRun: bool, options: dyn,
});

const namespace = object('kubernetes.Namespace', {
  metadata: object('kubernetes.NamespaceMetadata', {
    name: string, generateName: string, namespace: string, labels: map(string, string), annotations: map(string, string), UID: string,
    creationTimestamp: timestamp, deletionGracePeriodSeconds: int, deletionTimestamp: timestamp, generation: int, resourceVersion: string, finalizers: list(string),
  }),
  spec: object('kubernetes.NamespaceSpec', { finalizers: list(string) }),
  status: object('kubernetes.NamespaceStatus', { phase: string }),
});

export interface VariableOptions {
  readonly params?: boolean;
  readonly authorizer?: boolean;
  /** The types of the policy's own variables so far. */
  readonly variables?: Readonly<Record<string, Type>>;
  /** What `object` and `oldObject` are, where that is known. */
  readonly object?: Type;
  readonly paramType?: Type;
}

export function policyVariables({ params = false, authorizer = false, variables, object: objectType = dyn, paramType = dyn }: VariableOptions): Readonly<Record<string, Type>> {
  return {
    object: objectType, oldObject: objectType, request, namespaceObject: namespace,
    ...(params ? { params: paramType } : {}),
    ...(authorizer ? { authorizer: authorizerType, 'authorizer.requestResource': resourceCheckType } : {}),
    ...(variables === undefined ? {} : { variables: object('kubernetes.variables', variables) }),
  };
}
