import { isDeepStrictEqual } from 'node:util';
import { forbidden as forbiddenField, invalidObject, Path, type FieldError } from '../../machinery/field-path.ts';
import { Namespace } from '../../machinery/kinds/core.ts';
import { ResourceClaim, type ResourceClaimTemplate } from '../../machinery/kinds/dynamic-resources.ts';
import type { KubernetesObject } from '../../machinery/kinds/kind.ts';
import { forbidden } from '../access/forbidden.ts';
import type { ClusterAuthorizer } from '../access/rbac.ts';
import type { RequestInfo, User } from '../request.ts';
import { notGivenBack } from '../resources/resource/claim-status.ts';
import type { Admitted, AdmissionPlugin } from './admission.ts';

/**
 * Who may have devices for administration, give devices to a claim, and tell of a claim's devices. Source: "Dynamic resource
 * allocation", admin access; "Hardening guide - Dynamic resource allocation"; wording: Kubernetes' registry of resource.k8s.io.
 */

type Authorizer = Pick<ClusterAuthorizer, 'authorize'>;
type Status = NonNullable<ResourceClaim['status']>;
type DeviceStatus = NonNullable<Status['devices']>[number];

const plurals: ReadonlySet<string> = new Set(['resourceclaims', 'resourceclaimtemplates']);
const adminLabel = 'resource.kubernetes.io/admin-access';
const nodeNameKey = 'authentication.kubernetes.io/node-name';
const [statusPath, devicesPath] = [new Path('status'), new Path('status.devices')];

export function resourceClaims(authorizer: Authorizer): AdmissionPlugin {
  return {
    name: 'ResourceClaims',
    handles: ({ operation, resource, subresource }) =>
      resource.group === ResourceClaim.group && plurals.has(resource.plural) && (operation === 'CREATE' || (operation === 'UPDATE' && subresource === 'status')),
    validate(write, object) {
      const errors = write.operation === 'CREATE' ? adminRequests(write, object) : statusErrors(authorizer, write, object as ResourceClaim);
      if (errors.length > 0) throw invalidObject(write.resource, write.name, errors);
    },
  };
}

function adminRequests(write: Admitted, object: KubernetesObject | undefined): FieldError[] {
  const spec = write.resource.plural === 'resourceclaims' ? (object as ResourceClaim).spec : (object as ResourceClaimTemplate).spec?.spec;
  const at = (spec?.devices?.requests ?? []).findIndex(({ exactly }) => exactly?.adminAccess === true);
  return at < 0 ? [] : unlessAdministrative(write, new Path('spec').child('devices', 'requests').index(at).child('adminAccess'));
}

function unlessAdministrative({ caches, namespace }: Admitted, path: Path): FieldError[] {
  const labels = caches.of(Namespace).get(undefined, namespace)?.labels ?? {};
  return labels[adminLabel] === 'true' ? [] : [forbiddenField(path, `admin access to devices requires the \`${adminLabel}: true\` label on the containing namespace`)];
}

function statusErrors(authorizer: Authorizer, write: Admitted, { status = {} }: ResourceClaim): FieldError[] {
  const { status: old = {} } = write.old as ResourceClaim;
  return [...adminResults(write, status, old), ...bindingErrors(authorizer, write, status, old), ...deviceErrors(authorizer, write, status, old)];
}

function adminResults(write: Admitted, status: Status, old: Status): FieldError[] {
  const granted = ({ allocation }: Status): number => (allocation?.devices?.results ?? []).findIndex(({ adminAccess }) => adminAccess === true);
  const at = granted(status);
  return at < 0 || granted(old) >= 0 ? [] : unlessAdministrative(write, statusPath.child('allocation', 'devices', 'results').index(at).child('adminAccess'));
}

function bindingErrors(authorizer: Authorizer, write: Admitted, status: Status, old: Status): FieldError[] {
  if (isDeepStrictEqual(status.allocation, old.allocation) && isDeepStrictEqual(status.reservedFor ?? [], old.reservedFor ?? [])) return [];
  const verb = verbOf(write);
  const refusal = refusalOf(authorizer, write.user, asking(verb, 'binding', '', ''));
  return refusal === undefined ? [] : [forbiddenField(statusPath, `changing status.allocation or status.reservedFor requires resource="resourceclaims/binding", verb="${verb}" permission: ${refusal}`)];
}

/** Each driver speaks for its own devices: one on a claim's node for those there, or one that may speak for any node. */
function deviceErrors(authorizer: Authorizer, write: Admitted, status: Status, old: Status): FieldError[] {
  const verb = verbOf(write);
  const node = nodeOf(status);
  const verbs = [...(node !== undefined && isOn(write.user, node) ? [`associated-node:${verb}`] : []), `arbitrary-node:${verb}`];
  // What is given back takes with it what was told of it: that is the binder's.
  return changedDrivers(status.devices ?? [], notGivenBack(old.devices ?? [], status, old)).flatMap((driver) => {
    const refusals = verbs.map((one) => refusalOf(authorizer, write.user, asking(one, 'driver', write.namespace, driver)));
    return refusals.includes(undefined) ? [] : [forbiddenField(devicesPath, `changing status.devices requires resource="resourceclaims/driver", verb="[${verbs.join(' ')}]" permission: ${refusals[0] ?? ''}`)];
  });
}

/** Drivers of which a device has come, gone or changed, sorted. */
export function changedDrivers(devices: readonly DeviceStatus[], old: readonly DeviceStatus[]): string[] {
  const keyOf = ({ driver, pool, device, shareID = '' }: DeviceStatus): string => JSON.stringify([driver, pool, device, shareID]);
  const [now, before] = [devices, old].map((list) => new Map(list.map((one) => [keyOf(one), one]))) as [Map<string, DeviceStatus>, Map<string, DeviceStatus>];
  const changed = [...now].filter(([key, one]) => !isDeepStrictEqual(one, before.get(key)));
  const gone = [...before].filter(([key]) => !now.has(key));
  return [...new Set([...changed, ...gone].map(([, { driver }]) => driver))].toSorted();
}

/** The one node that the claim's devices are on. */
function nodeOf({ allocation }: Status): string | undefined {
  const [term, ...others] = allocation?.nodeSelector?.nodeSelectorTerms ?? [];
  if (term === undefined || others.length > 0 || (term.matchExpressions ?? []).length > 0) return undefined;
  const [field, ...more] = term.matchFields ?? [];
  const isOne = field?.key === 'metadata.name' && field.operator === 'In' && field.values?.length === 1 && more.length === 0;
  return isOne ? field.values?.[0] : undefined;
}

/** Is it a service account, by a token of a pod on that node? */
function isOn({ name, extra = {} }: User, node: string): boolean {
  const nodes = extra[nodeNameKey] ?? [];
  return /^system:serviceaccount:[^:]+:[^:]+$/.test(name) && nodes.length === 1 && nodes[0] === node;
}

function verbOf({ options }: Admitted): string {
  return options?.['kind'] === 'PatchOptions' ? 'patch' : 'update';
}

function asking(verb: string, subresource: string, namespace: string, name: string): RequestInfo {
  const { group, version, plural: resource } = ResourceClaim;
  return { path: '', isResource: true, verb, group, version, resource, subresource, namespace, name };
}

function refusalOf(authorizer: Authorizer, user: User, info: RequestInfo): string | undefined {
  const { allowed, reason } = authorizer.authorize(user, info);
  return allowed ? undefined : forbidden(user, info, reason).message;
}
