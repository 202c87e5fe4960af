import { expect, it } from 'vitest';
import { exposition } from './exposition.ts';

it('metrics are told in Prometheus\' text format', () => {
  expect(exposition([
    { name: 'a_total', type: 'counter', help: 'Counts\nlines.', samples: [{ labels: { x: 'q"\\\n', y: '' }, value: 1.5, at: 1000 }, { labels: {}, value: 2 }] },
    { name: 'b', type: 'gauge', help: 'Nothing has it.', samples: [] },
  ])).toBe('# HELP a_total Counts\\nlines.\n# TYPE a_total counter\na_total{x="q\\"\\\\\\n",y=""} 1.5 1000\na_total 2\n');
});
