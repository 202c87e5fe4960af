import { describe, expect, it } from 'vitest';
import { createLane } from './lane.ts';

describe('a lane', () => {
  it('has no more under way than it may, and starts the next when one ends', async () => {
    const lane = createLane(2);
    const ends: (() => void)[] = [];
    const call = () => new Promise<void>((resolve) => {
      ends.push(resolve);
    });
    for (let i = 0; i < 5; i += 1) lane.send(call);
    expect([ends.length, lane.load]).toEqual([2, 5]);
    ends[0]?.();
    await expect.poll(() => ends.length).toBe(3);
    expect(lane.load).toBe(4);
  });

  it('drains, in the order of sending, however much was sent', async () => {
    const seen: number[] = [];
    const lane = createLane(1);
    for (let i = 0; i < 5000; i += 1) lane.send(async () => void seen.push(i));
    await lane.drain();
    expect(seen).toEqual(Array.from({ length: 5000 }, (_, i) => i));
    expect(lane.load).toBe(0);
    await lane.drain();
  });

  it('tells of each end', async () => {
    let ended = 0;
    const lane = createLane(3, () => (ended += 1));
    for (let i = 0; i < 4; i += 1) lane.send(async () => undefined);
    await lane.drain();
    expect(ended).toBe(4);
  });
});
