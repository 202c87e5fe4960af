import { failure } from '../../machinery/status.ts';
import { matcherOf, parseFieldSelector, parseLabelSelector, type FieldRequirement } from '../../machinery/selectors.ts';
import type { Call } from '../request.ts';
import type { Resource } from '../resources/define.ts';
import type { Entry, Selection } from '../store/cache.ts';

const metadataFields: ReadonlySet<string> = new Set(['metadata.name', 'metadata.namespace']);

/** What the URL and the selectors of a list, watch or deletecollection choose. Throws 400. */
export function selectionOf(call: Call): Selection {
  const { info, query, resource } = call;
  const labels = parseLabelSelector(query['labelSelector'] ?? '');
  const asked = parseFieldSelector(query['fieldSelector'] ?? '');
  // `/watch/…/<name>`, and selectors that name one object.
  const fields: readonly FieldRequirement[] = info.name === '' ? asked : [...asked, { field: 'metadata.name', operator: '=', value: info.name }];
  for (const { field } of fields) checkField(resource, field);
  const namespace = info.namespace === '' ? {} : { namespace: info.namespace };
  if (labels.length === 0 && fields.length === 0) return namespace;
  const matches = matcherOf(labels);
  return {
    ...namespace,
    ...(fields.some(({ field }) => !metadataFields.has(field)) ? { looksInside: true } : {}),
    requirements: labels.length + fields.length,
    equals: Object.fromEntries(fields.filter(({ operator }) => operator === '=').map(({ field, value }) => [field, value])),
    matches: (entry) => holds(fields, entry) && matches(entry.labels),
  };
}

function holds(fields: readonly FieldRequirement[], entry: Entry): boolean {
  return fields.every(({ field, operator, value }) => (entry.field(field) === value) === (operator === '='));
}

function checkField(resource: Resource, field: string): void {
  if (metadataFields.has(field) || Object.hasOwn(resource.fields, field)) return;
  throw failure('BadRequest', Object.keys(resource.fields).length > 0 || resource.custom !== undefined
    ? `field label not supported: ${field}`
    : `${JSON.stringify(field)} is not a known field selector: only "metadata.name", "metadata.namespace"`);
}
