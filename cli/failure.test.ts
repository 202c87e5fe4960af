import { describe, expect, it } from 'vitest';
import { causeOf, CommandFailure, machineFailure } from './failure.ts';

function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: no luck`), { code });
}

describe('a failure in one line', () => {
  it.each([
    ['without a cause', new Error('a'), 'a'],
    ['with its cause', new Error('a', { cause: new Error('b') }), 'a: b'],
    ['whose message has the cause already', new Error('a: b', { cause: new Error('b') }), 'a: b'],
    ['whose cause says it all', new Error('b', { cause: new Error('a: b') }), 'a: b'],
    ['of several steps', new Error('a', { cause: new Error('b: c', { cause: new Error('c') }) }), 'a: b: c'],
    ['of something else', 'text', 'text'],
  ])('%s', (_what, error, line) => {
    expect(causeOf(error)).toBe(line);
  });

  it.each([['ENOSPC', 'the disk is full'], ['EROFS', 'the file system is read-only'], ['ERR_MODULE_NOT_FOUND', "run 'npm run setup'"]])('that the machine is to blame for: %s', (code, text) => {
    expect(machineFailure(systemError(code))).toBeInstanceOf(CommandFailure);
    expect(machineFailure(systemError(code))?.message).toContain(text);
  });

  it('that is a defect is none of the machine', () => {
    expect(machineFailure(new TypeError('x is undefined'))).toBeUndefined();
  });
});
