import { ComponentStatus } from '../../../machinery/kinds/core.ts';
import { text } from '../columns.ts';
import { defineResource, name } from '../define.ts';

type Condition = NonNullable<ComponentStatus['conditions']>[number];

const healthy = ({ conditions = [] }: ComponentStatus): Condition | undefined => conditions.find(({ type }) => type === 'Healthy');

function status(object: ComponentStatus): string {
  switch (healthy(object)?.status) {
    case 'True': return 'Healthy';
    case 'False': return 'Unhealthy';
    default: return 'Unknown';
  }
}

/** Asked for, never stored. Source: "ComponentStatus", core/v1. */
export const componentStatus = defineResource(ComponentStatus, {
  shortNames: ['cs'],
  stored: false,
  verbs: ['get', 'list'],
  deprecation: 'v1 ComponentStatus is deprecated in v1.19+',
  columns: [
    name(),
    text('Status', 'Is it well?', status),
    text('Message', 'What it says of itself.', (object) => healthy(object)?.message ?? ''),
    text('Error', 'What is wrong with it.', (object) => healthy(object)?.error ?? ''),
  ],
});
