import { PodMetrics } from '../../../machinery/kinds/resource-metrics.ts';
import { customForm } from '../../custom-resources/form.ts';
import { structuralOf } from '../../custom-resources/schema/structural.ts';
import { defineResource, name } from '../define.ts';
import { measuredSchema, usageColumns, usageSchema } from './usage.ts';

const containers = {
  type: 'array', description: 'Of each container that runs.',
  items: { type: 'object', properties: { name: { type: 'string', description: 'The container\'s name in its pod.' }, usage: usageSchema }, required: ['name', 'usage'] },
};

/** What a pod's containers use: asked for, never stored. Source: PodMetrics, metrics.k8s.io/v1beta1. */
export const podMetrics = defineResource(PodMetrics, {
  singular: '',
  stored: false,
  verbs: ['get', 'list'],
  columns: [name(), ...usageColumns<PodMetrics>(({ containers: all = [] }) => all.map(({ usage }) => usage))],
  custom: customForm(PodMetrics, structuralOf({ type: 'object', description: 'What a pod uses.', properties: { ...measuredSchema, containers } })),
});
