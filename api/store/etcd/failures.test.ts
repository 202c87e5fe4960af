import { describe, expect, it } from 'vitest';
import { failureOf, storeError } from './failures.ts';

describe('a failed call', () => {
  it.each([
    ['14 UNAVAILABLE: No connection established. Last error: Error: connect ECONNREFUSED 127.0.0.1:1. Resolution note: ', 'not sent'],
    ['14 UNAVAILABLE: Channel closed before call started', 'not sent'],
    ['14 UNAVAILABLE: Connection dropped', 'no answer'],
    ['14 UNAVAILABLE: etcdserver: request timed out', 'no answer'],
    ['14 UNAVAILABLE: etcdserver: leader changed', 'no answer'],
    ['4 DEADLINE_EXCEEDED: Deadline exceeded after 3.001s', 'no answer'],
    ['1 CANCELLED: Call cancelled', 'no answer'],
    ['13 INTERNAL: Received RST_STREAM with code 2', 'no answer'],
    ['11 OUT_OF_RANGE: etcdserver: mvcc: required revision has been compacted', 'compacted'],
    ['11 OUT_OF_RANGE: etcdserver: mvcc: required revision is a future revision', 'future'],
    ['5 NOT_FOUND: etcdserver: requested lease not found', 'lease not found'],
    ['3 INVALID_ARGUMENT: etcdserver: request is too large', 'too large'],
    ['8 RESOURCE_EXHAUSTED: etcdserver: too many requests', 'overloaded'],
    ['8 RESOURCE_EXHAUSTED: etcdserver: mvcc: database space exceeded', 'full'],
    ['7 PERMISSION_DENIED: etcdserver: permission denied', 'other'],
    ['2 UNKNOWN: etcdserver: user name is empty', 'other'],
  ] as const)('%s: %s', (message, type) => {
    expect(failureOf(new Error(message)).type).toBe(type);
  });

  it('without an answer is an unknown outcome for a write, and an unreachable store for a read', () => {
    const failure = failureOf(new Error('14 UNAVAILABLE: Connection dropped'));
    expect(storeError(failure, new Error('x'), 'write').name).toBe('OutcomeUnknownError');
    expect(storeError(failure, new Error('x'), 'read').name).toBe('StoreUnavailableError');
    expect(storeError(failureOf(new Error('14 UNAVAILABLE: No connection established')), new Error('x'), 'write').name).toBe('StoreUnavailableError');
  });
});
