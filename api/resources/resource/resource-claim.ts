import { Path } from '../../../machinery/field-path.ts';
import { ResourceClaim } from '../../../machinery/kinds/dynamic-resources.ts';
import { text } from '../columns.ts';
import { age, defineResource, name } from '../define.ts';
import { immutable } from '../immutable.ts';
import { forgetGivenBack, validateClaimStatus } from './claim-status.ts';
import { defaultClaim, validateClaim } from './claim.ts';

/** Source: "Dynamic resource allocation". */
export const resourceClaim = defineResource(ResourceClaim, {
  statusKeepsMetadata: true,
  status: true,
  columns: [name(), text('State', 'Is it allocated, and in use?', state), age()],
  defaults(draft) {
    defaultClaim(draft.spec);
  },
  prepareForCreate(draft) {
    draft.status = {};
  },
  prepareForStatusUpdate: forgetGivenBack,
  validate: (object) => validateClaim(object.spec, new Path('spec')),
  validateUpdate: (object, old) => immutable(object.spec, old.spec, new Path('spec')),
  validateStatusUpdate: (object, old) => validateClaimStatus(object, old, new Path('status')),
});

function state({ metadata, status }: ResourceClaim): string {
  const isDeleted = metadata?.deletionTimestamp !== undefined;
  const states = isDeleted ? ['deleted'] : [];
  if (status?.allocation === undefined) return (isDeleted ? states : ['pending']).join(',');
  return [...states, 'allocated', ...((status.reservedFor ?? []).length > 0 ? ['reserved'] : [])].join(',');
}
