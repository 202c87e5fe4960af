import { describe, expect, it } from 'vitest';
import { below, parseNamed } from './proxy.ts';

describe('what is asked below proxy', () => {
  it.each([
    ['web', { scheme: '', name: 'web', port: '' }],
    ['web:8080', { scheme: '', name: 'web', port: '8080' }],
    ['https:web:api', { scheme: 'https', name: 'web', port: 'api' }],
    [':web:', { scheme: '', name: 'web', port: '' }],
    ['ftp:web:21', undefined],
    ['a:b:c:d', undefined],
    [':80', undefined],
  ])('%s', (text, named) => {
    expect(parseNamed(text)).toEqual(named);
  });

  it.each([
    ['/api/v1/namespaces/a/pods/web/proxy', '', '', '/api/v1/namespaces/a/pods/web/proxy'],
    ['/api/v1/namespaces/a/services/http:web:80/proxy/x%20y/proxy/z', 'q=1', '/x%20y/proxy/z?q=1', '/api/v1/namespaces/a/services/http:web:80/proxy'],
    ['/api/v1/nodes/n/proxy/', 'q', '/?q', '/api/v1/nodes/n/proxy'],
  ])('%s?%s', (path, search, rest, prefix) => {
    expect(below(path, search)).toEqual({ path: rest, prefix });
  });
});
