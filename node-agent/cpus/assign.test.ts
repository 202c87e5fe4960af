import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Container, Pod } from '../../machinery/kinds/core.ts';
import { assign, ownCpus, sharedCpus, type Assignment } from './assign.ts';
import { parseCpus } from './cpu-set.ts';
import type { Cpu } from './topology.ts';

/** As Linux numbers them: the cores' first threads, socket by socket, then their second ones. */
function machine(sockets: number, cores: number, threads: number): readonly Cpu[] {
  return Array.from({ length: sockets * cores * threads }, (_, id) => ({ id, core: id % (sockets * cores), socket: Math.floor(id % (sockets * cores) / cores) }));
}

const container = (name: string, cpu: string, changes: Partial<Container> = {}): Container => ({ name, resources: { requests: { cpu, memory: '1Gi' }, limits: { cpu, memory: '1Gi' } }, ...changes });
const podOf = (containers: readonly Container[], initContainers: readonly Container[] = []): Pod => ({ spec: { containers: [...containers], initContainers: [...initContainers] } });
const four = { topology: machine(1, 4, 1), reserved: new Set([0]) };

describe('a container', () => {
  it.each<[string, Pod, number]>([
    ['with whole processors in a Guaranteed pod has them to itself', podOf([container('a', '2')]), 2],
    ['says so in thousandths too', podOf([container('a', '3000m')]), 3],
    ['with a part of one shares', podOf([container('a', '1500m')]), 0],
    ['of a Burstable pod shares', podOf([{ name: 'a', resources: { requests: { cpu: '2' } } }]), 0],
    ['of a BestEffort pod shares', podOf([{ name: 'a' }]), 0],
    ['of a pod with resources as a whole shares', { spec: { containers: [container('a', '1')], resources: { requests: { cpu: '1', memory: '1Gi' }, limits: { cpu: '1', memory: '1Gi' } } } }, 0],
  ])('%s', (_name, pod, count) => {
    expect(ownCpus(pod, pod.spec?.containers[0] ?? { name: 'none' })).toBe(count);
  });
});

describe('a pod', () => {
  it.each<[string, Pod, readonly Assignment[], object]>([
    ['gets processors for each container that wants its own', podOf([container('a', '1'), container('b', '2'), container('c', '500m')]), [], { cpus: { a: '1', b: '2-3' } }],
    ['gets none that others have', podOf([container('a', '1')]), [{ x: '1' }, { y: '3' }], { cpus: { a: '2' } }],
    ['gets for its containers what its init containers had', podOf([container('a', '2')], [container('i', '3'), container('j', '1')]), [], { cpus: { i: '1-3', j: '1', a: '1-2' } }],
    ['leaves sidecars what they have', podOf([container('a', '1')], [container('i', '2'), container('s', '1', { restartPolicy: 'Always' })]), [], { cpus: { i: '1-2', s: '1', a: '2' } }],
    ['is refused in the kubelet\'s words', podOf([container('a', '3')]), [{ x: '1' }], {
      refusal: { reason: 'UnexpectedAdmissionError', message: 'Allocate failed due to not enough cpus available to satisfy request: requested=3, available=2, which is unexpected' },
    }],
    ['that wants none is let in', podOf([{ name: 'a' }]), [{ x: '1-3' }], { cpus: {} }],
  ])('%s', (_name, pod, others, outcome) => {
    expect(assign(pod, four, others)).toEqual(outcome);
  });
});

it('whatever pods come and go, no processor has two owners, none is given that is reserved, and who shares has some', () => {
  const shape = fc.record({ sockets: fc.integer({ min: 1, max: 2 }), cores: fc.integer({ min: 1, max: 4 }), threads: fc.integer({ min: 1, max: 2 }), reserved: fc.integer({ min: 0, max: 15 }) });
  const change = fc.oneof(
    fc.record({ init: fc.array(fc.tuple(fc.integer({ min: 1, max: 4 }), fc.boolean()), { maxLength: 2 }), main: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 3 }) }),
    fc.record({ end: fc.nat() }),
  );
  fc.assert(fc.property(shape, fc.array(change, { maxLength: 20 }), ({ sockets, cores, threads, reserved }, changes) => {
    const topology = machine(sockets, cores, threads);
    const kept = reserved % topology.length;
    const processors = { topology, reserved: new Set([kept]) };
    const pods: { readonly pod: Pod; readonly cpus: Assignment }[] = [];
    for (const each of changes) {
      if ('end' in each) pods.splice(each.end % (pods.length + 1), 1);
      else {
        const pod = podOf(each.main.map((count, index) => container(`m${index}`, String(count))), each.init.map(([count, stays], index) => container(`i${index}`, String(count), stays ? { restartPolicy: 'Always' } : {})));
        const outcome = assign(pod, processors, pods.map(({ cpus }) => cpus));
        if ('cpus' in outcome) pods.push({ pod, cpus: outcome.cpus });
      }
      const sets = (cpus: Assignment) => new Map(Object.entries(cpus).map(([name, list]) => [name, parseCpus(list) ?? new Set<number>()]));
      const whole = pods.map(({ cpus }) => [...sets(cpus).values()].reduce<ReadonlySet<number>>((all, own) => all.union(own), new Set()));
      const owned = whole.flatMap((all) => [...all]);
      expect(new Set(owned).size).toBe(owned.length);
      for (const id of owned) expect(id !== kept && topology.some((cpu) => cpu.id === id)).toBe(true);
      expect(parseCpus(sharedCpus(processors, pods.map(({ cpus }) => cpus)))).toEqual(new Set(topology.map(({ id }) => id).filter((id) => !owned.includes(id))));
      for (const { pod, cpus } of pods) {
        const own = sets(cpus);
        const together = [...pod.spec?.containers ?? [], ...(pod.spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always')];
        const size = together.map(({ name }) => own.get(name)?.size ?? 0).reduce((sum, count) => sum + count, 0);
        expect(together.map(({ name }) => own.get(name) ?? new Set<number>()).reduce((all, each2) => all.union(each2), new Set<number>()).size).toBe(size);
        for (const one of [...together, ...pod.spec?.initContainers ?? []]) expect(own.get(one.name)?.size).toBe(ownCpus(pod, one));
      }
    }
  }));
});
