import { ResourceQuota } from '../../../machinery/kinds/core.ts';
import { text } from '../columns.ts';
import { age, defineResource, name } from '../define.ts';
import { validateQuota, validateQuotaStatus, validateQuotaUpdate } from './resource-quota/validate.ts';

/** `pods: 3/10, requests.cpu: 1/4`; limits have a column of their own. */
function shares({ status }: ResourceQuota, ofLimits: boolean): string {
  const names = Object.keys(status?.hard ?? {}).toSorted().filter((resource) => resource.startsWith('limits.') === ofLimits);
  return names.map((resource) => `${resource}: ${status?.used?.[resource] ?? '0'}/${status?.hard?.[resource] ?? '0'}`).join(', ');
}

/** Source: "Resource quotas". */
export const resourceQuota = defineResource(ResourceQuota, {
  shortNames: ['quota'],
  status: true,
  columns: [
    name(),
    text('Request', 'What is used and may be used of requests and counts.', (object) => shares(object, false)),
    text('Limit', 'What is used and may be used of limits.', (object) => shares(object, true)),
    age(),
  ],
  prepareForCreate(draft) {
    draft.status = {};
  },
  validate: validateQuota,
  validateUpdate: validateQuotaUpdate,
  validateStatusUpdate: (object) => validateQuotaStatus(object),
});
