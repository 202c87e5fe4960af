import { describe, expect, it } from 'vitest';
import { configMapKey, dns1035Label, dns1123Label, dns1123Subdomain, envVarName, labelValue, pathSegment, portName, qualifiedName } from './names.ts';

describe('names', () => {
  it.each<[string, (text: string) => readonly string[], string]>([
    ['a label', dns1123Label, 'my-name'], ['a label of one digit', dns1123Label, '0'], ['the longest label', dns1123Label, 'a'.repeat(63)],
    ['a subdomain', dns1123Subdomain, 'a.b-c.d'], ['a DNS-1035 label', dns1035Label, 'web-1'],
    ['a plain key', qualifiedName, 'App_1.x'], ['a prefixed key', qualifiedName, 'example.com/name'],
    ['an empty label value', labelValue, ''], ['a label value', labelValue, 'My_value.1'],
    ['an environment variable that begins with a digit', envVarName, '1 odd: name'], ['a key', configMapKey, '.bashrc'], ['a port', portName, 'http-2'],
    ['an RBAC name', pathSegment, 'system:node'],
  ])('accepts %s', (_name, check, text) => {
    expect(check(text)).toEqual([]);
  });

  it.each<[string, (text: string) => readonly string[], string, string[]]>([
    ['dots in a label', dns1123Label, 'a.b', ['must not contain dots']],
    ['capitals in a label', dns1123Label, 'Web', [
      "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
    ]],
    ['a long label', dns1123Label, 'a'.repeat(64), ['must be no more than 63 bytes']],
    ['an underscore in a subdomain', dns1123Subdomain, 'a_b', [
      "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
    ]],
    ['an empty key', qualifiedName, '', [
      'name part must be non-empty',
      "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
    ]],
    ['an equals sign in a variable', envVarName, 'A=B', ["a valid environment variable name must consist only of printable ASCII characters other than '='"]],
    ['a parent directory as key', configMapKey, '..', ["must not be '..'"]],
    ['a digit-only port name', portName, '80', ['must contain at least one letter (a-z)']],
    ['a slash in an RBAC name', pathSegment, 'a/b', ["may not contain '/'"]],
  ])('says what is wrong with %s', (_name, check, text, messages) => {
    expect(check(text)).toEqual(messages);
  });
});
