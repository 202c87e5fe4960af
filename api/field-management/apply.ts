import { timestamp } from '../../machinery/conditions.ts';
import { apiVersionOf, type KubernetesObject } from '../../machinery/kinds/kind.ts';
import type { Draft } from '../../machinery/kinds/wire.ts';
import { fieldOf, isObject, textOf, type JsonObject } from '../../machinery/patch/json-value.ts';
import { configProblems, problemText } from '../../machinery/patch/structured/check.ts';
import { has, isEqual, noFields } from '../../machinery/patch/structured/field-set.ts';
import { applyConfig, type Applied, type Change, type Conflict } from '../../machinery/patch/structured/owners.ts';
import { ElementProblem } from '../../machinery/patch/structured/path-element.ts';
import { failure } from '../../machinery/status.ts';
import type { Resource } from '../resources/define.ts';
import { applyConflict } from './conflict.ts';
import { identityText, readEntries, setEntries, unmanaged, writeEntries, type Managed } from './entries.ts';
import { formsOf, mergeSchema } from './forms.ts';
import { lastAppliedFields, lastAppliedManager, noteLastApplied } from './last-applied.ts';
import { updateBy, withUpdate, type TrackedWrite } from './track.ts';

/** Server-side apply: an object with a configuration merged in, and its owners afterwards. Source: "Server-Side Apply". */

/** The owner of what an object had before it was first applied, where nobody kept account of it. */
const beforeFirstApply = 'before-first-apply';

export interface Application extends TrackedWrite {
  readonly config: JsonObject;
  /** Takes the fields that others own with other values. */
  readonly force: boolean;
}

/** A configuration as `apply` takes it. Throws 400 when it isn't one of the resource. */
export function checkedConfig(resource: Resource, value: unknown, namespace: string): JsonObject {
  if (!isObject(value)) throw failure('BadRequest', 'error decoding patch: a configuration to apply must be an object');
  const [apiVersion, kind] = [textOf(fieldOf(value, 'apiVersion')), textOf(fieldOf(value, 'kind'))];
  if (apiVersion !== apiVersionOf(resource) || kind !== resource.kind) throw failure('BadRequest', `invalid object type: ${kindText(apiVersion, kind)}`);
  const metadata = fieldOf(value, 'metadata');
  if (isObject(metadata) && (fieldOf(metadata, 'managedFields') ?? null) !== null) throw failure('BadRequest', 'metadata.managedFields must be nil');
  const problems = configProblems(mergeSchema(resource), value);
  if (problems.length === 0) return value;
  const name = isObject(metadata) ? `${textOf(fieldOf(metadata, 'namespace')) || namespace}/${textOf(fieldOf(metadata, 'name'))}` : `${namespace}/`;
  throw failure('BadRequest', `failed to create typed patch object (${name}; ${kindText(apiVersion, kind)}): ${problemText(problems)}`);
}

function kindText(apiVersion: string, kind: string): string {
  return `${apiVersion === '' || apiVersion.includes('/') ? apiVersion || '/' : `/${apiVersion}`}, Kind=${kind}`;
}

/** The object after the apply, with its owners. `live` undefined: there is none yet. Throws 409. */
export function applied(application: Application, live: KubernetesObject | undefined): Draft<KubernetesObject> {
  const { resource, config, manager } = application;
  const { object: made, managed } = applyTo(application, live, readEntries(live?.metadata?.managedFields ?? [], true) ?? unmanaged);
  const object = structuredClone({ ...made, apiVersion: apiVersionOf(resource), kind: resource.kind }) as Draft<KubernetesObject>;
  if (manager === lastAppliedManager) noteLastApplied(object, config);
  setEntries(object, writeEntries(managed));
  return object;
}

/** What an apply makes of an object without entries, and of its owners. It shares what doesn't change with `live` and the configuration. Throws 409. */
export function applyTo(application: Application, live: KubernetesObject | undefined, managed: Managed): { object: JsonObject; managed: Managed } {
  const { resource, manager, subresource, now } = application;
  const forms = formsOf(resource, subresource, application.versions);
  const before = withoutEntries(live);
  // Of an object without owners somebody owns all that it has.
  const { owners, times } = managed.owners.size > 0 ? managed : withUpdate(forms, updateBy({ ...application, manager: beforeFirstApply }), {}, before, unmanaged);
  const writer = identityText({ manager, operation: 'Apply', subresource });
  const result = checkedLive(application, () => forced(application, { forms, owners, apiVersion: apiVersionOf(resource), writer }, before, live));
  // A configuration that says nothing leaves an object without owners as it is.
  if (managed.owners.size === 0 && result.object === undefined && !result.owners.has(writer)) return { object: before, managed };
  const isSameSet = isEqual(owners.get(writer)?.fields ?? noFields, result.owners.get(writer)?.fields ?? noFields);
  const isNoop = result.object === undefined && isSameSet;
  return { object: result.object ?? before, managed: { owners: result.owners, times: isNoop ? times : new Map(times).set(writer, timestamp(now)) } };
}

/** 400 when the object itself has items that can't be told apart. */
function checkedLive<T>({ resource }: Application, apply: () => T): T {
  try {
    return apply();
  } catch (error) {
    if (!(error instanceof ElementProblem)) throw error;
    throw failure('BadRequest', `failed to create typed live object (${kindText(apiVersionOf(resource), resource.kind)}): ${error.message}`, undefined, { cause: error });
  }
}

function withoutEntries(live: KubernetesObject | undefined): JsonObject {
  const { managedFields: _managedFields, ...metadata } = live?.metadata ?? {};
  return { ...live, ...(live === undefined ? {} : { metadata }) };
}

type Done = Extract<Applied, { type: 'applied' }>;

/** The apply, with force where the configuration takes over what kubectl itself applied from the other side. */
function forced({ resource, config, manager, force }: Application, change: Change, before: JsonObject, live: KubernetesObject | undefined): Done {
  const result = applyConfig(change, before, config, force);
  if (result.type === 'applied') return result;
  const own = manager === lastAppliedManager && live !== undefined ? lastAppliedFields(resource, live) : noFields;
  const others = result.conflicts.filter(({ path }: Conflict) => !has(own, path));
  if (others.length > 0) throw applyConflict(others);
  return applyConfig(change, before, config, true) as Done;
}
