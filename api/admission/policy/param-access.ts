import { isDeepStrictEqual } from 'node:util';
import {
  MutatingAdmissionPolicy, ValidatingAdmissionPolicy, type MutatingAdmissionPolicyBinding, type ParamKind, type ValidatingAdmissionPolicyBinding,
} from '../../../machinery/kinds/admission-registration.ts';
import type { KubernetesObject } from '../../../machinery/kinds/kind.ts';
import type { Authorizer } from '../../access/access.ts';
import { refused } from '../../access/refused.ts';
import { isSuperuser } from '../../access/rules.ts';
import type { Resource } from '../../resources/define.ts';
import type { Admitted, AdmissionPlugin } from '../admission.ts';
import type { ResourceOfKind } from './params.ts';

/** Policies show their messages to everybody: who has one read parameters must be allowed to read these. Source: "Validating admission policy", parameter resources. */

type Policy = ValidatingAdmissionPolicy | MutatingAdmissionPolicy;
type Binding = ValidatingAdmissionPolicyBinding | MutatingAdmissionPolicyBinding;

const policies: ReadonlySet<string> = new Set(['validatingadmissionpolicies', 'mutatingadmissionpolicies']);
const bindings: ReadonlySet<string> = new Set(['validatingadmissionpolicybindings', 'mutatingadmissionpolicybindings']);

export interface ParamAccessDependencies {
  readonly authorizer: Authorizer;
  readonly resourceOfKind: ResourceOfKind;
}

export function paramAccess(deps: ParamAccessDependencies): AdmissionPlugin {
  return {
    name: 'PolicyParamAccess',
    handles: ({ operation, resource, subresource, user }) =>
      (operation === 'CREATE' || operation === 'UPDATE') && subresource === '' && resource.group === 'admissionregistration.k8s.io'
      && (policies.has(resource.plural) || bindings.has(resource.plural)) && !isSuperuser(user),
    validate(write, object) {
      if (policies.has(write.resource.plural)) checkPolicy(deps, write, object as Policy);
      else checkBinding(deps, write, object as Binding);
    },
  };
}

function checkPolicy(deps: ParamAccessDependencies, write: Admitted, policy: Policy): void {
  const kind = policy.spec?.paramKind;
  if (kind === undefined || isDeepStrictEqual(kind, (write.old as Policy | undefined)?.spec?.paramKind)) return;
  if (mayRead(deps, write, kind, '', '')) return;
  throw denied(write, policy, `user ${JSON.stringify(write.user.name)} must have "get" permission on all objects of the referenced paramKind (kind=${kind.kind ?? ''}, apiVersion=${kind.apiVersion ?? ''})`);
}

function checkBinding(deps: ParamAccessDependencies, write: Admitted, binding: Binding): void {
  const ref = binding.spec?.paramRef;
  if (ref === undefined || isDeepStrictEqual(binding.spec, (write.old as Binding | undefined)?.spec)) return;
  const kind = policyOf(write, binding.spec?.policyName ?? '')?.spec?.paramKind;
  // Of a policy that isn't there nobody knows what it would read: it is judged as if it read everything.
  const { name = '', namespace = '' } = ref;
  if (mayRead(deps, write, kind, namespace, name)) return;
  throw denied(write, binding, `user ${JSON.stringify(write.user.name)} does not have "get" permission on the object referenced by paramRef`);
}

function policyOf({ caches, resource }: Admitted, name: string): Policy | undefined {
  return resource.plural.startsWith('mutating')
    ? caches.of(MutatingAdmissionPolicy).get(undefined, name)?.object : caches.of(ValidatingAdmissionPolicy).get(undefined, name)?.object;
}

function mayRead({ authorizer, resourceOfKind }: ParamAccessDependencies, { user }: Admitted, kind: ParamKind | undefined, namespace: string, name: string): boolean {
  const found: Resource | undefined = kind === undefined ? undefined : resourceOfKind(kind.apiVersion ?? '', kind.kind ?? '');
  const { group = '*', version = '*', plural = '*' } = found ?? {};
  return authorizer.authorize(user, { path: '', isResource: true, verb: 'get', group, version, resource: plural, subresource: '', namespace, name }).allowed;
}

function denied({ resource }: Admitted, { metadata }: KubernetesObject, why: string) {
  return refused({ group: resource.group, resource: resource.plural, name: metadata?.name ?? '' }, why);
}
