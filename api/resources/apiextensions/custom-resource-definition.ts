import { CustomResourceDefinition } from '../../../machinery/kinds/apiextensions.ts';
import type { Draft } from '../../../machinery/kinds/wire.ts';
import { cleanupFinalizer, defaultDefinition, markForDeletion, withStorageVersion } from '../../custom-resources/definition/lifecycle.ts';
import { validateDefinition, validateDefinitionStatus, validateDefinitionUpdate } from '../../custom-resources/definition/validate.ts';
import { definitionWarnings } from '../../custom-resources/definition/warnings.ts';
import { createdAt } from '../columns.ts';
import { defineResource, name } from '../define.ts';

/** A kind that users define. What becomes of it is in `api/custom-resources/`. Source: "CustomResourceDefinition", apiextensions/v1. */
export const customResourceDefinition = defineResource(CustomResourceDefinition, {
  shortNames: ['crd', 'crds'],
  categories: ['api-extensions'],
  columns: [name(), createdAt()],
  generation: true,
  updatesNameVersion: true,
  status: true,
  defaults: defaultDefinition,
  prepareForCreate(draft) {
    draft.status = { conditions: [], acceptedNames: { kind: '', plural: '' }, storedVersions: [] } as Draft<CustomResourceDefinition>['status'] & object;
    withStorageVersion(draft);
  },
  prepareForUpdate: withStorageVersion,
  validateCreate: (definition) => validateDefinition(definition),
  validateUpdate: validateDefinitionUpdate,
  validateStatusUpdate: validateDefinitionStatus,
  warnings: definitionWarnings,
  deletion: { begin: (draft) => { markForDeletion(draft, cleanupFinalizer); } },
});
