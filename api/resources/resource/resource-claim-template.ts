import { Path } from '../../../machinery/field-path.ts';
import { ResourceClaimTemplate } from '../../../machinery/kinds/dynamic-resources.ts';
import { validateAnnotations, validateLabels } from '../../../machinery/labels.ts';
import { defineResource } from '../define.ts';
import { immutable } from '../immutable.ts';
import { defaultClaim, validateClaim } from './claim.ts';

/** Source: "Dynamic resource allocation". */
export const resourceClaimTemplate = defineResource(ResourceClaimTemplate, {
  defaults(draft) {
    defaultClaim(draft.spec?.spec);
  },
  validate({ spec }) {
    const path = new Path('spec');
    return [
      ...validateLabels(spec?.metadata?.labels, path.child('metadata', 'labels')),
      ...validateAnnotations(spec?.metadata?.annotations, path.child('metadata', 'annotations')),
      ...validateClaim(spec?.spec, path.child('spec')),
    ];
  },
  validateUpdate: (object, old) => immutable(object.spec, old.spec, new Path('spec')),
});
