import { describe, expect, it } from 'vitest';
import { absolutePath, credentials, seconds, variable, words } from './image.ts';

describe('an option of a command on images', () => {
  it.each<[string, unknown, unknown]>([
    ['words', words(' /bin/serve  --port 80 '), ['/bin/serve', '--port', '80']],
    ['words of JSON', words('["/bin/sh", "-c", "a b"]'), ['/bin/sh', '-c', 'a b']],
    ['a variable', variable('A=b=c', ['X=']), ['X=', 'A=b=c']],
    ['credentials', credentials('ali:open:sesame'), { username: 'ali', password: 'open:sesame' }],
    ['a path', absolutePath('/srv'), '/srv'],
    ['a time', seconds('1000000000'), 1_000_000_000],
  ])('takes %s', (_name, value, expected) => {
    expect(value).toEqual(expected);
  });

  it.each<[string, () => unknown, string]>([
    ['no words', () => words(' '), 'words between spaces, or a JSON array'], ['JSON that is no list of texts', () => words('[1]'), 'a JSON array of texts'], ['quotes of a shell', () => words('sh -c "echo hi"'), 'give a JSON array'], ['an empty list', () => words('[]'), 'a JSON array'],
    ['a variable without a value', () => variable('A', []), 'looks like NAME=value'], ['a variable without a name', () => variable('=b', []), 'looks like NAME=value'],
    ['credentials without a user', () => credentials(':x'), 'looks like user:password'], ['credentials without a password', () => credentials('ali'), 'looks like user:password'],
    ['a path that begins nowhere', () => absolutePath('srv'), 'begins with /'], ['a time before 1970', () => seconds('-1'), 'since 1970'], ['a time beyond all dates', () => seconds('253402300800'), 'since 1970'],
  ])('refuses %s', (_name, parse, reason) => {
    expect(parse).toThrow(reason);
  });
});
