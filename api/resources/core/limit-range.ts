import { LimitRange } from '../../../machinery/kinds/core.ts';
import { createdAt } from '../columns.ts';
import { defineResource, name } from '../define.ts';
import { defaultLimits, validateLimits } from './limit-range/rules.ts';

/** Source: "Limit ranges". */
export const limitRange = defineResource(LimitRange, {
  shortNames: ['limits'],
  columns: [name(), createdAt()],
  defaults: defaultLimits,
  validate: validateLimits,
});
