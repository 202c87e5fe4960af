import type { Conflict } from '../../machinery/patch/structured/owners.ts';
import { pathText } from '../../machinery/patch/structured/path-element.ts';
import { failure, type ApiError } from '../../machinery/status.ts';
import { identityOf } from './entries.ts';

/** 409: others own, with other values, what was to be applied. Worded as Kubernetes does. */
export function applyConflict(conflicts: readonly Conflict[]): ApiError {
  const causes = conflicts.map(({ owner, path }) => ({ reason: 'FieldManagerConflict', message: `conflict with ${ownerText(owner)}`, field: pathText(path) }));
  return failure('Conflict', message(conflicts), { causes });
}

function message(conflicts: readonly Conflict[]): string {
  const [first, ...others] = conflicts;
  if (first !== undefined && others.length === 0) return `Apply failed with 1 conflict: conflict with ${ownerText(first.owner)}: ${pathText(first.path)}`;
  const byOwner = [...Map.groupBy(conflicts, ({ owner }) => owner)].toSorted(([a], [b]) => (a < b ? -1 : 1));
  const lines = byOwner.flatMap(([owner, own]) => [`conflicts with ${ownerText(owner)}:`, ...own.map(({ path }) => `- ${pathText(path)}`)]);
  return `Apply failed with ${conflicts.length} conflicts: ${lines.join('\n')}`;
}

/** `"kubectl-edit" with subresource "status" using apps/v1`; of appliers the name alone. */
function ownerText(owner: string): string {
  const { manager, operation, apiVersion = '', subresource } = identityOf(owner);
  const name = `${JSON.stringify(manager)}${subresource === undefined ? '' : ` with subresource ${JSON.stringify(subresource)}`}`;
  return operation === 'Update' ? `${name} using ${apiVersion}` : name;
}
