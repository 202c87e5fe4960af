import { isDeepStrictEqual } from 'node:util';
import { Path, forbidden, invalid, required, type FieldError } from '../../machinery/field-path.ts';
import type { KubernetesObject, ObjectMeta } from '../../machinery/kinds/kind.ts';
import type { Draft } from '../../machinery/kinds/wire.ts';
import { validateAnnotations, validateFinalizerNames, validateFinalizers, validateLabels } from '../../machinery/labels.ts';
import { dns1123Subdomain } from '../../machinery/names.ts';
import { failure } from '../../machinery/status.ts';
import type { RequestInfo } from '../request.ts';
import type { Resource } from '../resources/define.ts';
import { type Writer } from './writer.ts';
import { timestamp } from '../../machinery/conditions.ts';

/** The rules about metadata that all kinds share. Source: "API conventions", metadata; "Kubernetes object names". */

const metadataPath = new Path('metadata');
const longestGeneratedBase = 58;

/** The draft's metadata, made when absent. */
export function metadataOf(draft: Draft<KubernetesObject>): Draft<ObjectMeta> {
  draft.metadata ??= {};
  return draft.metadata;
}

/** A copy that its holder may change. Entries of owners are replaced as a whole and never changed: they are shared. */
export function draftOf<T extends KubernetesObject>(object: T | Draft<T>): Draft<T> {
  const { managedFields, ...metadata } = object.metadata ?? {};
  const draft = structuredClone({ ...object, metadata }) as Draft<T>;
  if (managedFields !== undefined) metadataOf(draft as Draft<KubernetesObject>).managedFields = managedFields as Draft<typeof managedFields>;
  return draft;
}

/** Takes out owners that are named twice, and says so. Wording: the API server's. */
export function dropRepeatedOwners(draft: Draft<KubernetesObject>, warn: (text: string) => void): void {
  const owners = draft.metadata?.ownerReferences ?? [];
  if (owners.length < 2) return;
  const repeated = owners.filter((owner, index) => owners.findIndex((one) => isDeepStrictEqual(one, owner)) < index);
  if (repeated.length === 0) return;
  metadataOf(draft).ownerReferences = owners.filter((owner) => !repeated.includes(owner));
  warn(`.metadata.ownerReferences contains duplicate entries; API server dedups owner references in 1.20+, and may reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: ${repeated.map(({ uid }) => uid).join(', ')}`);
}

/** Puts the URL's namespace and name into the object; throws 400 when it names others. */
export function bindToRequest(draft: Draft<KubernetesObject>, resource: Resource, info: RequestInfo): void {
  const metadata = metadataOf(draft);
  if (resource.scope === 'Cluster') {
    delete metadata.namespace;
  } else if (metadata.namespace === undefined || metadata.namespace === '') {
    metadata.namespace = info.namespace;
  } else if (metadata.namespace !== info.namespace) {
    throw failure('BadRequest', 'the namespace of the provided object does not match the namespace sent on the request');
  }
  if (info.name === '') return;
  if (metadata.name === undefined || metadata.name === '') metadata.name = info.name;
  if (metadata.name !== info.name) {
    throw failure('BadRequest', `the name of the object (${metadata.name}) does not match the name on the URL (${info.name})`);
  }
}

/** What the server alone decides about a new object. */
export function stampNew(writer: Writer, resource: Resource, draft: Draft<KubernetesObject>): void {
  const metadata = metadataOf(draft);
  if (metadata.resourceVersion !== undefined && metadata.resourceVersion !== '') {
    throw failure('BadRequest', 'resourceVersion should not be set on objects to be created');
  }
  for (const key of ['resourceVersion', 'deletionTimestamp', 'deletionGracePeriodSeconds', 'selfLink', 'generation'] as const) delete metadata[key];
  metadata.creationTimestamp = timestamp(writer.now());
  metadata.uid = writer.uuid();
  if (resource.generation) metadata.generation = 1;
}

/** `generateName` and five random characters, as long as a name may be. */
export function generatedName(base: string, suffix: string): string {
  return `${base.slice(0, longestGeneratedBase)}${suffix}`;
}

/** What an update keeps of the old metadata, and what follows from the change: the next generation. */
export function carryOver(resource: Resource, draft: Draft<KubernetesObject>, old: KubernetesObject): void {
  const metadata = metadataOf(draft);
  const before: ObjectMeta = old.metadata ?? {};
  for (const key of ['uid', 'creationTimestamp', 'deletionTimestamp', 'deletionGracePeriodSeconds', 'generation', 'generateName'] as const) {
    carry(metadata, before, key);
  }
  for (const key of ['resourceVersion', 'selfLink'] as const) delete metadata[key];
  if (resource.generation && !isDeepStrictEqual(wish(resource, draft), wish(resource, old))) metadata.generation = (before.generation ?? 0) + 1;
}

function carry<K extends keyof ObjectMeta>(to: Draft<ObjectMeta>, from: ObjectMeta, key: K): void {
  if (from[key] === undefined) delete to[key];
  else Object.assign(to, { [key]: from[key] });
}

/** The part of an object that its generation counts. A custom resource without `/status` has no other writer of its status. */
function wish({ custom, status: hasStatus }: Resource, object: KubernetesObject): Record<string, unknown> {
  const { metadata: _metadata, status, apiVersion: _apiVersion, kind: _kind, ...rest } = object as KubernetesObject & { status?: unknown };
  return custom === undefined || hasStatus ? rest : { ...rest, status };
}

/** Metadata of a new object. */
export function validateMetadata(resource: Resource, object: KubernetesObject): FieldError[] {
  const { name, ownerReferences = [], labels, annotations, finalizers } = object.metadata ?? {};
  const errors: FieldError[] = [
    ...validateLabels(labels, metadataPath.child('labels')),
    ...validateAnnotations(annotations, metadataPath.child('annotations')),
    ...(resource.custom === undefined ? validateFinalizers : validateFinalizerNames)(finalizers, metadataPath.child('finalizers')),
  ];
  if (name === undefined || name === '') {
    errors.push(required(metadataPath.child('name'), 'name or generateName is required'));
  } else {
    errors.push(...(resource.validateName ?? dns1123Subdomain)(name).map((message) => invalid(metadataPath.child('name'), name, message)));
  }
  const controllers = ownerReferences.filter((owner) => owner.controller === true);
  if (controllers.length > 1) {
    errors.push(invalid(metadataPath.child('ownerReferences'), ownerReferences, 'Only one reference can have Controller set to true.'));
  }
  for (const [index, owner] of ownerReferences.entries()) {
    const path = metadataPath.child('ownerReferences').index(index);
    for (const key of ['apiVersion', 'kind', 'name', 'uid'] as const) {
      if (owner[key] === '') errors.push(invalid(path.child(key), owner[key], 'must not be empty'));
    }
  }
  return errors;
}

/** Metadata of an update, against the old. */
export function validateMetadataUpdate(object: KubernetesObject, old: KubernetesObject): FieldError[] {
  if (old.metadata?.deletionTimestamp === undefined) return [];
  const before = new Set(old.metadata.finalizers ?? []);
  const added = (object.metadata?.finalizers ?? []).filter((finalizer) => !before.has(finalizer));
  if (added.length === 0) return [];
  return [forbidden(metadataPath.child('finalizers'), `no new finalizers can be added if the object is being deleted, found new finalizers ${JSON.stringify(added)}`)];
}
