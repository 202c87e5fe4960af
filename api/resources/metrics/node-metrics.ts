import { NodeMetrics } from '../../../machinery/kinds/resource-metrics.ts';
import { customForm } from '../../custom-resources/form.ts';
import { structuralOf } from '../../custom-resources/schema/structural.ts';
import { defineResource, name } from '../define.ts';
import { measuredSchema, usageColumns, usageSchema } from './usage.ts';

/** What a node uses: asked for, never stored. Source: NodeMetrics, metrics.k8s.io/v1beta1. */
export const nodeMetrics = defineResource(NodeMetrics, {
  singular: '',
  stored: false,
  verbs: ['get', 'list'],
  columns: [name(), ...usageColumns<NodeMetrics>(({ usage = {} }) => [usage])],
  custom: customForm(NodeMetrics, structuralOf({ type: 'object', description: 'What a node uses.', properties: { ...measuredSchema, usage: usageSchema } })),
});
