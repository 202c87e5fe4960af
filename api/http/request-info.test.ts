import { describe, expect, it } from 'vitest';
import { ApiError } from '../../machinery/status.ts';
import { parseTarget } from './request-info.ts';

function attributes(method: string, url: string): string {
  const { verb, group, version, namespace, resource, name, subresource, isResource } = parseTarget(method, url).info;
  return isResource ? [verb, group, version, namespace, resource, name, subresource].join(' ') : `${verb} path`;
}

describe('what a request is about', () => {
  it.each([
    ['a list', 'GET', '/api/v1/pods', 'list  v1  pods  '],
    ['a list in a namespace', 'GET', '/api/v1/namespaces/ns/pods?limit=5', 'list  v1 ns pods  '],
    ['an object', 'GET', '/api/v1/namespaces/ns/pods/p', 'get  v1 ns pods p '],
    ['an object of a group', 'PUT', '/apis/apps/v1/namespaces/ns/deployments/d', 'update apps v1 ns deployments d '],
    ['a subresource', 'PATCH', '/apis/apps/v1/namespaces/ns/deployments/d/status', 'patch apps v1 ns deployments d status'],
    ['a namespace, which is in itself', 'GET', '/api/v1/namespaces/ns', 'get  v1 ns namespaces ns '],
    ['a namespace\'s own subresource', 'PUT', '/api/v1/namespaces/ns/finalize', 'update  v1 ns namespaces ns finalize'],
    ['all namespaces', 'GET', '/api/v1/namespaces', 'list  v1  namespaces  '],
    ['a creation', 'POST', '/api/v1/namespaces/ns/configmaps', 'create  v1 ns configmaps  '],
    ['a deletion', 'DELETE', '/api/v1/nodes/n', 'delete  v1  nodes n '],
    ['a deletion of a collection', 'DELETE', '/api/v1/namespaces/ns/pods', 'deletecollection  v1 ns pods  '],
    ['a watch', 'GET', '/api/v1/pods?watch=true', 'watch  v1  pods  '],
    ['a watch that is switched off', 'GET', '/api/v1/pods?watch=false', 'list  v1  pods  '],
    ['a watch by its old path', 'GET', '/api/v1/watch/namespaces/ns/pods', 'watch  v1 ns pods  '],
    ['a list of one name', 'GET', '/api/v1/namespaces/ns/secrets?fieldSelector=metadata.name%3Ds', 'list  v1 ns secrets s '],
    ['an escaped name', 'GET', '/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Anode', 'get rbac.authorization.k8s.io v1  clusterroles system:node '],
    ['a discovery document', 'GET', '/apis/apps/v1', 'get path'],
    ['a health check', 'GET', '/livez/ping', 'get path'],
    ['the root', 'HEAD', '/', 'head path'],
  ])('%s', (_what, method, url, expected) => {
    expect(attributes(method, url)).toBe(expected);
  });

  it('takes the first of repeated parameters and keeps the query as it came', () => {
    const { query, search } = parseTarget('GET', '/api/v1/pods?command=a&command=b%20c');
    expect(query).toEqual({ command: 'a' });
    expect(search).toBe('command=a&command=b%20c');
  });

  it('is not fooled by a parameter named like a part of every object', () => {
    expect(Object.hasOwn(parseTarget('GET', '/api/v1/pods?__proto__=x').query, '__proto__')).toBe(true);
  });

  it('refuses a path whose escapes are malformed', () => {
    expect(() => parseTarget('GET', '/api/v1/namespaces/%zz/pods')).toThrow(ApiError);
  });
});
