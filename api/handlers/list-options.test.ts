import { describe, expect, it } from 'vitest';
import { formatContinue, parseContinue } from './continue-token.ts';
import { listOptionsOf } from './list-options.ts';

describe('options of lists and watches', () => {
  it.each([
    ['a match without a revision', { resourceVersionMatch: 'Exact' }, false, 'resourceVersionMatch is forbidden unless resourceVersion is provided'],
    ['an unknown match', { resourceVersion: '1', resourceVersionMatch: 'Newest' }, false, 'Unsupported value: "Newest"'],
    ['exactly any', { resourceVersion: '0', resourceVersionMatch: 'Exact' }, false, 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'],
    ['a match on a page', { resourceVersion: '1', resourceVersionMatch: 'Exact', continue: 'x' }, false, 'forbidden when continue is provided'],
    ['initial events of a list', { sendInitialEvents: 'true' }, false, 'sendInitialEvents is forbidden for list'],
    ['initial events without a match', { sendInitialEvents: 'true' }, true, 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan'],
    ['a match on a watch', { resourceVersionMatch: 'NotOlderThan' }, true, 'forbidden for watch unless sendInitialEvents is provided'],
  ])('%s is refused with 422', (_what, query, isWatch, message) => {
    expect(() => listOptionsOf(query, isWatch)).toThrow(expect.objectContaining({ code: 422, message: expect.stringContaining(message) }));
  });

  it.each([['resourceVersion', 'x'], ['resourceVersion', '-1'], ['limit', 'many'], ['timeoutSeconds', '1.5']])('%s=%s is refused with 400', (name, value) => {
    expect(() => listOptionsOf({ [name]: value }, false)).toThrow(expect.objectContaining({ code: 400 }));
  });

  it('reads what is well-formed', () => {
    expect(listOptionsOf({ resourceVersion: '7', resourceVersionMatch: 'Exact', limit: '10' }, false)).toMatchObject({ revision: 7, match: 'Exact', limit: 10 });
  });
});

describe('continue tokens', () => {
  it('come back as they were', () => {
    const token = { revision: 12, after: '/registry/core/pods/ns/a' };
    expect(parseContinue(formatContinue(token), '/registry/core/pods/')).toEqual(token);
  });

  it.each([
    ['of another list', formatContinue({ revision: 1, after: '/registry/core/secrets/ns/a' })],
    ['that nobody gave out', 'bm9uc2Vuc2U'],
    ['that are no token', '%%%'],
  ])('%s are refused with 400', (_what, token) => {
    expect(() => parseContinue(token, '/registry/core/pods/')).toThrow(expect.objectContaining({ code: 400 }));
  });
});
