import { setCondition } from '../../../machinery/conditions.ts';
import type { CustomResourceDefinition } from '../../../machinery/kinds/apiextensions.ts';
import type { Draft } from '../../../machinery/kinds/wire.ts';

/** What the server itself writes into a definition. */

/** Holds a definition until the last object of its kind is gone. */
export const cleanupFinalizer = 'customresourcecleanup.apiextensions.k8s.io';

export function defaultDefinition({ spec }: Draft<CustomResourceDefinition>): void {
  const { names } = spec;
  if ((names.singular ?? '') === '') names.singular = (names.kind ?? '').toLowerCase();
  if ((names.listKind ?? '') === '' && (names.kind ?? '') !== '') names.listKind = `${names.kind}List`;
  spec.conversion ??= { strategy: 'None' };
  const service = spec.conversion.webhook?.clientConfig?.service;
  if (service !== undefined) service.port ??= 443;
}

/** The version in which objects are written from now on is among those that may be in the store. */
export function withStorageVersion(draft: Draft<CustomResourceDefinition>): void {
  const storage = draft.spec.versions.find((version) => version.storage)?.name;
  const { status } = draft;
  if (status === undefined || storage === undefined) return;
  const stored = status.storedVersions ?? [];
  if (!stored.includes(storage)) status.storedVersions = [...stored, storage];
}

/** The deletion begins: nothing is created any more, and what there is will be deleted first. */
export function markForDeletion(draft: Draft<CustomResourceDefinition>, finalizer: string): void {
  const { metadata } = draft;
  if (metadata?.deletionTimestamp === undefined || (metadata.finalizers ?? []).includes(finalizer)) return;
  metadata.finalizers = [...metadata.finalizers ?? [], finalizer];
  setTerminating(draft, 'True', 'InstanceDeletionPending', 'CustomResourceDefinition marked for deletion; CustomResource deletion will be initiated soon', Date.parse(metadata.deletionTimestamp));
}

export function setTerminating(draft: Draft<CustomResourceDefinition>, status: 'True' | 'False', reason: string, message: string, now: number): void {
  const conditions = setCondition(draft.status?.conditions, { type: 'Terminating', status, reason, message }, now);
  draft.status = { ...draft.status, conditions: [...conditions] };
}
