import { describe, expect, it } from 'vitest';
import { fitMessage } from './fit-message.ts';

describe('what a pod is told', () => {
  const diagnosis = { nodes: 3, reasons: new Map([['node(s) had untolerated taint(s)', 2], ['Insufficient cpu', 1]]), resolvable: 1, wakeOn: 0 };
  const why = '0/3 nodes are available: 1 Insufficient cpu, 2 node(s) had untolerated taint(s).';

  it('counts nodes by reason, sorted as text', () => {
    expect(fitMessage(diagnosis, 'not-judged')).toBe(why);
  });
  it('says where removing pods could not help', () => {
    expect(fitMessage(diagnosis, 'no-victims')).toBe(
      `${why} no new claims to deallocate, preemption: 0/3 nodes are available: 1 No preemption victims found for incoming pod, 2 Preemption is not helpful for scheduling.`,
    );
  });
  it('says that the pod may not preempt', () => {
    expect(fitMessage(diagnosis, 'never')).toBe(`${why} no new claims to deallocate, preemption: not eligible due to preemptionPolicy=Never.`);
  });
  it('says that there are no nodes', () => {
    expect(fitMessage({ nodes: 0, reasons: new Map(), resolvable: 0, wakeOn: 0 }, 'no-victims')).toBe('no nodes available to schedule pods');
  });
});
