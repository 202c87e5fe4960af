import { setCondition } from '../../../machinery/conditions.ts';
import type { CustomResourceDefinition } from '../../../machinery/kinds/apiextensions.ts';
import type { Draft } from '../../../machinery/kinds/wire.ts';

/** What the server itself writes into a definition. */

/** Holds a definition until the last object of its kind is gone. */
export const cleanupFinalizer = 'customresourcecleanup.apiextensions.k8s.io';

export function defaultDefinition(draft: Draft<CustomResourceDefinition>): void {
  fillGaps(draft);
  const { spec } = draft;
  const { names } = spec;
  if ((names.singular ?? '') === '') names.singular = names.kind.toLowerCase();
  if ((names.listKind ?? '') === '' && names.kind !== '') names.listKind = `${names.kind}List`;
  spec.conversion ??= { strategy: 'None' };
  const service = spec.conversion.webhook?.clientConfig?.service;
  if (service !== undefined) service.port ??= 443;
}

type Spec = Draft<CustomResourceDefinition['spec']>;
type Version = Spec['versions'][number];

/** Fields that are required, and missing, are empty: for validation to complain about. As Go reads them. */
function fillGaps(draft: Draft<CustomResourceDefinition>): void {
  const spec = filled<Spec>({ group: '', scope: '' }, draft.spec);
  spec.names = filled<Spec['names']>({ kind: '', plural: '' }, spec.names);
  spec.versions = (spec.versions ?? []).map(filledVersion);
  if (spec.conversion !== undefined) {
    spec.conversion.strategy ??= '';
    const { webhook } = spec.conversion;
    if (webhook !== undefined) webhook.conversionReviewVersions ??= [];
    const service = webhook?.clientConfig?.service;
    if (service !== undefined) Object.assign(service, filled<typeof service>({ name: '', namespace: '' }, service));
  }
  draft.spec = spec;
}

/** What was given, over what is empty. */
function filled<T extends object>(empty: Partial<T>, given: Partial<T> | undefined): T {
  return { ...empty, ...given } as T;
}

function filledVersion(version: Version): Version {
  const scale = version.subresources?.scale;
  if (scale !== undefined) Object.assign(scale, filled<typeof scale>({ specReplicasPath: '', statusReplicasPath: '' }, scale));
  return {
    ...version, name: version.name ?? '', served: version.served ?? false, storage: version.storage ?? false,
    ...(version.additionalPrinterColumns === undefined ? {} : { additionalPrinterColumns: version.additionalPrinterColumns.map((column) => ({ ...column, name: column.name ?? '', type: column.type ?? '', jsonPath: column.jsonPath ?? '' })) }),
    ...(version.selectableFields === undefined ? {} : { selectableFields: version.selectableFields.map(({ jsonPath }) => ({ jsonPath: jsonPath ?? '' })) }),
  };
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
