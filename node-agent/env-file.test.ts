import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { variableOf } from './env-file.ts';

describe('an env file', () => {
  it.each([
    ['a value', "A='x'\n", 'x'], ['one without an end of line', "A='x'", 'x'], ['blanks before it', " \tB='y'\n\t A='x'\n", 'x'], ['blank lines and comments', "# one\n\n  # A='no'\nA='x'\n", 'x'],
    ['a comment behind it', "B='y' # two\nA='x' # three\n", 'x'], ['no comment in quotes', "A='x # y'\n", 'x # y'], ['several lines', "A='one\n\n  two  '\nB='y'\n", 'one\n\n  two  '],
    ['no expansion', "A='$B ${B} \\n'\n", '$B ${B} \\n'], ['other quotes', `A='{"a": "="}'\n`, '{"a": "="}'], ['emptiness', "A=''\n", ''], ['the first of two', "A='x'\nA='y'\n", 'x'],
    ['nothing where it is not', "AA='x'\n", undefined], ['nothing in an empty file', '', undefined], ['what stands before a fault', "A='x'\nB=y\n", 'x'],
  ])('has %s', (_name, text, value) => {
    expect(variableOf(text, 'A')).toBe(value);
  });

  it('has every value that was quoted', () => {
    const quotable = fc.string().filter((text) => !text.includes("'"));
    fc.assert(fc.property(fc.array(quotable), quotable, (before, value) => {
      const lines = [...before.map((each, index) => `B${index}='${each}'`), `A='${value}'`];
      return variableOf(lines.join('\n'), 'A') === value;
    }));
  });

  it('may have very many lines', () => {
    expect(variableOf(`${'\n'.repeat(1_000_000)}A='x'`, 'A')).toBe('x');
  });

  it.each([
    ['a line without a sign', "B='y'\nA\n", 'invalid environment variable format at line 2'], ['no name', "='x'\n", 'invalid environment variable format at line 1'],
    ['blanks before the sign', "B = 'y'\nA='x'\n", "whitespace before '=' is not allowed at line 1"], ['blanks behind it', "A= 'x'\n", 'value must be enclosed in single quotes at line 1'],
    ['no quotes', "B='y\nz'\nA=x\n", 'value must be enclosed in single quotes at line 3'], ['double quotes', 'A="x"\n', 'value must be enclosed in single quotes at line 1'],
    ['two strings', "A='x''y'\n", 'unexpected content after closing quote at line 1'], ['a word behind it', "A='x'#y\n", 'unexpected content after closing quote at line 1'],
    ['no closing quote', "A='x\n", 'unclosed single quote at line 1'],
  ])('is refused for %s', (_name, text, message) => {
    expect(() => variableOf(text, 'A')).toThrow(message);
  });
});
