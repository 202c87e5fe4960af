import type { KubernetesObject } from '../../../machinery/kinds/kind.ts';
import type { Usage } from '../../../machinery/kinds/resource-metrics.ts';
import { add, formatQuantity, parseQuantity, zero } from '../../../machinery/quantity.ts';
import type { Column } from '../define.ts';

/** What the two kinds of the metrics API have in common. Source: the Metrics API's definition and metrics-server's tables. */

const quantities = { type: 'object', additionalProperties: { 'x-kubernetes-int-or-string': true } };

export const measuredSchema = {
  timestamp: { type: 'string', format: 'date-time', description: 'When it was measured.' },
  window: { type: 'string', description: 'The time up to then that cpu is the mean of.' },
};

export const usageSchema = { ...quantities, description: 'What is used: cpu, and memory as the working set.' };

/** cpu, memory and the window, as metrics-server shows them. */
export function usageColumns<T extends KubernetesObject & { readonly window: string }>(usages: (object: T) => readonly Usage[]): readonly Column<T>[] {
  const usage = (name: 'cpu' | 'memory', description: string): Column<T> => ({
    name, type: 'string', format: 'quantity', description,
    cell: (object) => total(usages(object).map((each) => each[name]), name),
  });
  return [
    usage('cpu', 'Processor time that is used.'), usage('memory', 'Memory that is in use.'),
    { name: 'Window', type: 'string', format: 'duration', description: 'The time that cpu is the mean of.', cell: ({ window = '' }) => window },
  ];
}

function total(texts: readonly (string | undefined)[], name: 'cpu' | 'memory'): string {
  const sum = texts.reduce((all, text) => add(all, parseQuantity(text ?? '0') ?? zero), zero);
  return formatQuantity(sum, name === 'cpu' ? 'DecimalSI' : 'BinarySI');
}
