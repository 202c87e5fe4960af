import { describe, expect, it } from 'vitest';
import { look, type Looks } from './memory.ts';

const mib = 1024 * 1024;

/** Which of the looks collect; each collection leaves 30 MiB. */
function collected(looks: readonly (readonly [utilization: number, heldMib: number])[]): boolean[] {
  let state: Looks = { heldAfter: 0, left: 0 };
  return looks.map(([utilization, heldMib]) => {
    const { collects, left } = look(state, utilization, heldMib * mib);
    state = { heldAfter: collects ? 30 * mib : state.heldAfter, left };
    return collects;
  });
}

describe('memory is given back', () => {
  it.each([
    ['after work, twice, and no more', [[0.6, 100], [0.01, 100], [0.01, 30], [0.01, 30]], [false, true, true, false]],
    ['never during work', [[0.6, 100], [0.6, 200], [0.06, 200]], [false, false, false]],
    ['again after more work', [[0.01, 100], [0.01, 30], [0.01, 30], [0.5, 90], [0.01, 90]], [true, true, false, false, true]],
    ['not for little', [[0.01, 100], [0.01, 30], [0.01, 41], [0.01, 42]], [true, true, false, true]],
  ] as const)('%s', (_what, looks, expected) => {
    expect(collected(looks)).toEqual(expected);
  });
});
