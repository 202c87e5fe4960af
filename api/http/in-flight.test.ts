import { describe, expect, it } from 'vitest';
import { createInFlight } from './in-flight.ts';

describe('requests in flight', () => {
  it('abort when their deadline has passed, and not before', () => {
    let now = 0;
    const flights = createInFlight(() => now, 1000);
    const { signal } = flights.begin({ onEnd: () => undefined });
    now = 1000;
    flights.sweep();
    expect(signal.aborted).toBe(false);
    now = 1001;
    flights.sweep();
    expect(signal.reason).toMatchObject({ name: 'TimeoutError' });
  });

  it('abort when their caller goes, unless they are over', () => {
    const ends: (() => void)[] = [];
    const flights = createInFlight(() => 0, 1000);
    const [first, second] = [0, 1].map(() => flights.begin({ onEnd: (run) => { ends.push(run); } }));
    const signals = [first?.signal, second?.signal];
    first?.end();
    for (const end of ends) end();
    expect(signals.map((signal) => signal?.aborted)).toEqual([false, true]);
  });

  it('are waited for', async () => {
    const flights = createInFlight(() => 0, 1000);
    await flights.idle();
    const flight = flights.begin({ onEnd: () => undefined });
    let isIdle = false;
    const idle = flights.idle().then(() => { isIdle = true; });
    expect([flights.count, isIdle]).toEqual([1, false]);
    flight.end();
    await idle;
    expect(flights.count).toBe(0);
  });
});
