import type { PersistentVolumeClaim } from '../../../../machinery/kinds/core.ts';
import type { Draft } from '../../../../machinery/kinds/wire.ts';

/** Source: "PersistentVolumeClaim v1 core", defaults. */
export function defaultClaim(draft: Draft<PersistentVolumeClaim>): void {
  const spec = (draft.spec ??= {});
  spec.volumeMode ??= 'Filesystem';
  const status = (draft.status ??= {});
  if ((status.phase ?? '') === '') status.phase = 'Pending';
}

/** The two ways to name what a volume is filled from say the same, unless the newer names another namespace. Source: "Volume populators and data sources". */
export function normalizeSources({ spec }: Draft<PersistentVolumeClaim>): void {
  if (spec === undefined) return;
  const { dataSource, dataSourceRef } = spec;
  if (dataSource !== undefined && dataSourceRef === undefined) spec.dataSourceRef = { ...dataSource };
  if (dataSourceRef === undefined || dataSource !== undefined || (dataSourceRef.namespace ?? '') !== '') return;
  const { apiGroup = '', kind } = dataSourceRef;
  const isKnown = (apiGroup === '' && kind === 'PersistentVolumeClaim') || (apiGroup === 'snapshot.storage.k8s.io' && kind === 'VolumeSnapshot');
  if (!isKnown) return;
  const { namespace: _namespace, ...source } = dataSourceRef;
  spec.dataSource = source;
}
