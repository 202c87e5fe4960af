import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createNodes } from './nodes/nodes.ts';
import { aNode, aPod } from './test-objects.ts';

/** What is taken of a node is the sum over the pods placed there, in whatever order they came and went. */
describe('the columns', () => {
  const names = ['a', 'b', 'c'];
  const step = fc.record({ name: fc.constantFrom(...names), pod: fc.nat(5), come: fc.boolean(), node: fc.constantFrom('put', 'remove', 'leave') });
  const shapes = [
    aPod('0'), aPod('1', { requests: { cpu: '100m' } }), aPod('2', { requests: { memory: '1Gi', 'example.com/gpu': '2' } }),
    aPod('3', { requests: { cpu: '1500m' }, hostPorts: [{ hostPort: 80 }] }), aPod('4', { hostPorts: [{ hostPort: 80 }, { hostPort: 81, hostIP: '10.0.0.1' }] }), aPod('5', { requests: { 'example.com/gpu': '1' } }),
  ];

  it('hold the sum of what was placed and not displaced', () => {
    fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const nodes = createNodes();
      const placed = new Map<string, number[]>(names.map((name) => [name, []]));
      const known = new Set<string>();
      for (const { name, pod, come, node } of steps) {
        const there = placed.get(name) ?? [];
        const demand = nodes.demands.of(shapes[pod] ?? aPod('x'));
        if (come) {
          nodes.place(name, demand);
          there.push(pod);
        } else if (there.includes(pod)) {
          nodes.displace(name, demand);
          there.splice(there.indexOf(pod), 1);
        }
        if (node === 'put') known.add(name);
        if (node === 'remove') known.delete(name);
        if (node === 'put') nodes.put(aNode(name));
        if (node === 'remove') nodes.remove(name);
        for (const each of names) {
          const row = nodes.rowOf(each);
          const pods = placed.get(each) ?? [];
          expect(row === undefined).toBe(pods.length === 0 && !known.has(each));
          if (row === undefined) continue;
          const sum = new Map<number, number>();
          for (const index of pods) {
            const { ids, amounts } = nodes.demands.of(shapes[index] ?? aPod('x'));
            ids.forEach((id, i) => sum.set(id, (sum.get(id) ?? 0) + (amounts[i] ?? 0)));
          }
          for (const resource of ['cpu', 'memory', 'pods', 'example.com/gpu']) {
            const id = nodes.resources.idOf(resource);
            expect(nodes.resources.column(id).requested[row]).toBe(sum.get(id) ?? 0);
          }
          expect(nodes.portsAt(row)?.clashes({ protocol: 'TCP', port: 80, address: '10.0.0.9' }) ?? false).toBe(pods.some((index) => index === 3 || index === 4));
        }
      }
      expect(nodes.count).toBe(known.size);
    }));
  });
});
