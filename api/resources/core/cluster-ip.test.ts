import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Service } from '../../../machinery/kinds/core.ts';
import type { Draft } from '../../../machinery/kinds/wire.ts';
import { assignClusterIp, assignNodePorts, checkAddress, freeAddress, needsClusterIp, nodePortRange } from './cluster-ip.ts';

const make = (spec: Service['spec']): Draft<Service> => ({ metadata: { name: 's', namespace: 'n' }, spec: structuredClone(spec) }) as Draft<Service>;
const shown = (errors: ReturnType<typeof checkAddress>): string[] => errors.map((error) => `${error.path.toString()}: ${error.body}`);

describe('a Service’s address', () => {
  it('is each one of the range once, then none', () => {
    fc.assert(fc.property(fc.array(fc.string(), { minLength: 6, maxLength: 6 }), (seeds) => {
      const used = new Set<string>();
      for (const seed of seeds) used.add(freeAddress(used, seed, '10.0.0.0/29') ?? 'none');
      expect([...used].toSorted()).toEqual(['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4', '10.0.0.5', '10.0.0.6']);
      expect(freeAddress(used, 'more', '10.0.0.0/29')).toBeUndefined();
    }));
  });

  it('comes from above the part that is left to those who choose', () => {
    fc.assert(fc.property(fc.string(), (seed) => {
      const [, , third = 0, fourth = 0] = (freeAddress(new Set(), seed) ?? '').split('.').map(Number);
      expect(third * 256 + fourth).toBeGreaterThan(256);
    }));
  });

  it('is given to a draft that lacks one, checked if it has one', () => {
    const draft = make({ type: 'ClusterIP' });
    expect(needsClusterIp(draft)).toBe(true);
    expect(assignClusterIp(draft, new Set())).toEqual([]);
    expect(draft.spec?.clusterIPs).toEqual([draft.spec?.clusterIP]);
    expect(shown(assignClusterIp(make({ clusterIP: '10.43.0.5' }), new Set(['10.43.0.5'])))).toEqual([
      'spec.clusterIPs: Invalid value: ["10.43.0.5"]: failed to allocate IP 10.43.0.5: provided IP is already allocated',
    ]);
  });

  it('is none for headless Services and external names', () => {
    for (const spec of [{ clusterIP: 'None' }, { type: 'ExternalName' }]) {
      const draft = make(spec);
      expect(assignClusterIp(draft, new Set())).toEqual([]);
      expect(draft.spec).toEqual(spec);
    }
  });

  it.each(['10.43.0.0', '10.43.255.255', '10.44.0.1', 'x'])('may not be %s', (address) => {
    expect(shown(checkAddress(address, new Set()))).toEqual([
      `spec.clusterIPs: Invalid value: ["${address}"]: failed to allocate IP ${address}: the provided IP (${address}) is not in the valid range. The range of valid IPs is 10.43.0.0/16`,
    ]);
  });
});

describe('node ports', () => {
  it('are given, distinct and free, to the ports that lack one', () => {
    const draft = make({ type: 'NodePort', ports: [{ port: 80 }, { port: 81, nodePort: 30_001 }, { port: 82 }] });
    expect(assignNodePorts(draft, new Set([30_000]))).toEqual([]);
    const given = (draft.spec?.ports ?? []).map((port) => port.nodePort ?? 0);
    expect(new Set(given).size).toBe(3);
    expect(given.every((port) => port >= nodePortRange.from && port <= nodePortRange.to && port !== 30_000)).toBe(true);
  });

  it('are refused outside the range or when taken', () => {
    const draft = make({ type: 'NodePort', ports: [{ port: 80, nodePort: 80 }, { port: 81, nodePort: 30_000 }] });
    expect(shown(assignNodePorts(draft, new Set([30_000])))).toEqual([
      'spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid range. The range of valid ports is 30000-32767',
      'spec.ports[1].nodePort: Invalid value: 30000: provided port is already allocated',
    ]);
  });

  it('are not for a ClusterIP', () => {
    const draft = make({ type: 'ClusterIP', ports: [{ port: 80 }] });
    assignNodePorts(draft, new Set());
    expect(draft.spec?.ports).toEqual([{ port: 80 }]);
  });
});
