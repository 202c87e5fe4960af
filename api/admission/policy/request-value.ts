import { authorizerValue, requestResourceValue, type Decide } from '../../../machinery/cel/library/authorizers.ts';
import { Namespace } from '../../../machinery/kinds/core.ts';
import { apiVersionOf, type KubernetesObject } from '../../../machinery/kinds/kind.ts';
import type { Authorizer } from '../../access/access.ts';
import type { User } from '../../request.ts';
import type { Resource } from '../../resources/define.ts';
import type { Admitted } from '../admission.ts';
import { asVersion } from '../match/versions.ts';

/** A write as expressions and webhooks see it. */
export interface Attributes {
  readonly write: Admitted;
  /** The resource that the object is shown as: that of the rule that matched. */
  readonly as: Resource;
  readonly object: KubernetesObject | undefined;
  readonly old: KubernetesObject | undefined;
}

/** The write as one who watches for `as` sees it: in that version. What is written through a subresource has versions of its own. */
export async function attributesOf(write: Admitted, object: KubernetesObject | undefined, as: Resource): Promise<Attributes> {
  const isOwn = as === write.resource || write.written !== undefined;
  if (isOwn) return { write, as, object, old: write.old };
  const shown = async (one: KubernetesObject | undefined): Promise<KubernetesObject | undefined> => (one === undefined ? undefined : asVersion(one, write.resource, as));
  return { write, as, object: await shown(object), old: await shown(write.old) };
}

function kindOf({ group, version, kind }: Pick<Resource, 'group' | 'version' | 'kind'>) {
  return { group, version, kind };
}

function resourceOf({ group, version, plural }: Resource) {
  return { group, version, resource: plural };
}

/** What AdmissionReview and `request` have in common. Source: AdmissionRequest, admission.k8s.io/v1. */
export function requestValue({ write, as }: Attributes) {
  const { resource, written, subresource, user, operation, name, dryRun, options } = write;
  // A namespace is in itself, a new one too.
  const namespace = resource.group === '' && resource.plural === 'namespaces' ? name : write.namespace;
  return {
    kind: kindOf(written ?? as), resource: resourceOf(as),
    ...(subresource === '' ? {} : { subResource: subresource, requestSubResource: subresource }),
    requestKind: kindOf(written ?? resource), requestResource: resourceOf(resource),
    ...(name === '' ? {} : { name }),
    ...(namespace === '' ? {} : { namespace }),
    operation,
    userInfo: userInfoOf(user),
    dryRun,
    ...(options === undefined ? {} : { options }),
  };
}

function userInfoOf({ name, uid, groups, extra }: User) {
  return {
    username: name,
    ...(uid === undefined ? {} : { uid }),
    ...(groups.length === 0 ? {} : { groups }),
    ...(extra === undefined ? {} : { extra }),
  };
}

/** The namespace that the write is in; null outside of namespaces, and for a namespace itself. */
export function namespaceValue({ resource, namespace, caches }: Admitted): object | null {
  if (resource.scope === 'Cluster') return null;
  const found = caches.of(Namespace).get(undefined, namespace)?.object;
  if (found === undefined) return null;
  const { uid, ...metadata } = found.metadata ?? {};
  return { metadata: { ...metadata, ...(uid === undefined ? {} : { UID: uid }) }, spec: found.spec ?? {}, status: found.status ?? {} };
}

/** The object with its kind, as expressions and webhooks see it; null when there is none. */
export function objectValue(object: KubernetesObject | undefined, as: Resource): object | null {
  return object === undefined ? null : { ...object, apiVersion: apiVersionOf(as), kind: as.kind };
}

/** The values of `authorizer` and `authorizer.requestResource`. */
export function authorizerValues({ write }: Attributes, authorizer: Authorizer) {
  const decide: Decide = ({ verb, path, group = '', resource = '', subresource = '', namespace = '', name = '', fieldSelector, serviceAccount }) => {
    const user = serviceAccount === undefined ? write.user : serviceAccountUser(serviceAccount);
    const info = path === undefined
      ? { path: '', isResource: true, verb, group, version: '*', resource, subresource, namespace, name, ...(fieldSelector === undefined ? {} : { fieldSelector }) }
      : { path, isResource: false, verb, group: '', version: '', resource: '', subresource: '', namespace: '', name: '' };
    return authorizer.authorize(user, info);
  };
  const { group, plural } = write.resource;
  return {
    authorizer: authorizerValue(decide),
    'authorizer.requestResource': requestResourceValue(decide, { group, resource: plural, subresource: write.subresource, namespace: write.namespace, name: write.name }),
  };
}

function serviceAccountUser({ namespace, name }: { readonly namespace: string; readonly name: string }): User {
  return {
    name: `system:serviceaccount:${namespace}:${name}`,
    groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'],
  };
}
