import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Endpoint, EndpointSlice } from '../../machinery/kinds/discovery.ts';
import { layOut, maxEndpoints } from './slices.ts';

const ports = [{ name: '', port: 80, protocol: 'TCP' }];

function endpoint(n: number, isReady = true): Endpoint {
  return { addresses: [`10.0.${n >> 8}.${n & 255}`], conditions: { ready: isReady }, targetRef: { kind: 'Pod', name: `p${n}`, namespace: 'default', uid: `${n}` } };
}

function slice(name: string, endpoints: readonly Endpoint[], its = ports): EndpointSlice {
  return { metadata: { name }, addressType: 'IPv4', endpoints: [...endpoints], ports: [...its] };
}

/** The slices once a layout has been carried out. */
function carriedOut(slices: readonly EndpointSlice[], { changed, made, left }: ReturnType<typeof layOut>): EndpointSlice[] {
  return [
    ...slices.filter((each) => !left.includes(each)).map((each) => changed.find(({ metadata }) => metadata?.name === each.metadata?.name) ?? each),
    ...made.map((group, i) => slice(`new-${slices.length}-${i}`, group.endpoints, [...group.ports])),
  ];
}

describe('a layout of endpoints', () => {
  it('changes nothing when nothing has changed', () => {
    expect(layOut([{ ports, endpoints: [endpoint(1)] }], [slice('a', [endpoint(1)])])).toEqual({ changed: [], made: [], left: [] });
  });

  it('makes one empty slice for nobody, and keeps it', () => {
    expect(layOut([{ ports, endpoints: [] }], [])).toEqual({ changed: [], made: [{ ports, endpoints: [] }], left: [] });
    expect(layOut([{ ports, endpoints: [] }], [slice('a', [])])).toEqual({ changed: [], made: [], left: [] });
  });

  it('replaces an endpoint in its slice when its condition changes', () => {
    const { changed } = layOut([{ ports, endpoints: [endpoint(1, false), endpoint(2)] }], [slice('a', [endpoint(1), endpoint(2)])]);
    expect(changed.map(({ endpoints }) => endpoints)).toEqual([[endpoint(1, false), endpoint(2)]]);
  });

  it('leaves slices of ports that nobody has any more', () => {
    const old = slice('a', [endpoint(1)], [{ name: '', port: 81, protocol: 'TCP' }]);
    expect(layOut([{ ports, endpoints: [endpoint(1)] }], [old])).toMatchObject({ made: [{ endpoints: [endpoint(1)] }], left: [old] });
  });

  it('holds each endpoint once, fills no slice beyond its limit, and is at rest afterwards', () => {
    fc.assert(fc.property(fc.array(fc.uniqueArray(fc.nat(400), { maxLength: 350 }), { minLength: 1, maxLength: 5 }), (turns) => {
      let slices: EndpointSlice[] = [];
      for (const wanted of turns) {
        const group = { ports, endpoints: wanted.map((n) => endpoint(n)) };
        slices = carriedOut(slices, layOut([group], slices));
        expect(slices.flatMap(({ endpoints }) => (endpoints ?? []).map(({ targetRef }) => targetRef?.uid)).toSorted()).toEqual(wanted.map(String).toSorted());
        expect(slices.every(({ endpoints }) => (endpoints ?? []).length <= maxEndpoints)).toBe(true);
        expect(layOut([group], slices)).toEqual({ changed: [], made: [], left: [] });
      }
    }), { numRuns: 50 });
  });
});
