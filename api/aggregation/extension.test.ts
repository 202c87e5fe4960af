import { describe, expect, it } from 'vitest';
import { withVerdict, passed } from './availability.ts';
import { aggregatedVersion, resourcesOf } from './extension-discovery.ts';
import { extensionTarget, remoteHeaders } from './extension.ts';

describe('an extension server', () => {
  it('is told who asks', () => {
    expect(remoteHeaders({ name: 'ann', uid: 'u', groups: ['a', 'b,c'], extra: { 'Scopes/x y': ['1', '2'] } })).toEqual({
      'x-remote-user': 'ann', 'x-remote-uid': 'u', 'x-remote-group': ['a', 'b,c'], 'x-remote-extra-scopes%2Fx%20y': ['1', '2'],
    });
    expect(remoteHeaders({ name: 'Zoë', groups: [] })).toEqual({ 'x-remote-user': 'Zo\xc3\xab', 'x-remote-group': [] });
  });

  it.each([
    [{ caBundle: Buffer.from('PEM').toString('base64') }, { caPem: 'PEM', isVerified: true, isNameChecked: true }],
    [{ insecureSkipTLSVerify: true }, { isVerified: false, isNameChecked: false }],
  ])('is judged as its APIService says: %j', (trust, tls) => {
    const spec = { groupPriorityMinimum: 1, versionPriority: 1, ...trust };
    expect(extensionTarget(spec, { name: 's', namespace: 'n' }, { host: '10.0.0.1', port: 8443 }, '/apis/a/v1?b', { 'x-remote-user': 'ann' }, { certPem: 'C', keyPem: 'K' })).toEqual({
      host: '10.0.0.1', port: 8443, path: '/apis/a/v1?b', headers: { 'x-remote-user': 'ann', host: 's.n.svc' }, tls: { certPem: 'C', keyPem: 'K', serverName: 's.n.svc', ...tls },
    });
  });

  it('says what it serves, in the words of one document', () => {
    const resources = resourcesOf(Buffer.from(JSON.stringify({ resources: [
      { name: 'things', singularName: 'thing', namespaced: true, kind: 'Thing', verbs: ['get'], shortNames: ['th'] }, { name: 'things/scale', kind: 'Scale', group: 'autoscaling', version: 'v1', verbs: ['get'] }, 7, { name: 'x' },
    ] })));
    expect(aggregatedVersion({ group: 'a', version: 'v1', groupPriority: 1, versionPriority: 1, resources, isFresh: false })).toEqual({
      version: 'v1', freshness: 'Stale', resources: [{
        resource: 'things', responseKind: { group: 'a', version: 'v1', kind: 'Thing' }, scope: 'Namespaced', singularResource: 'thing', verbs: ['get'], shortNames: ['th'],
        subresources: [{ subresource: 'scale', responseKind: { group: 'autoscaling', version: 'v1', kind: 'Scale' }, verbs: ['get'] }],
      }],
    });
    expect(() => resourcesOf(Buffer.from('{}'))).toThrow('the answer is no APIResourceList');
  });

  it('is told on in the time that its resources take one by one, each once', () => {
    let reads = 0;
    const names = Array.from({ length: 1000 }, (_, index) => [`r${index}`, `r${index}/status`]).flat();
    const resources = names.map((name) => ({
      get name() {
        reads += 1;
        return name;
      },
      singularName: '', namespaced: true, kind: 'K', verbs: [],
    }));
    const told = aggregatedVersion({ group: 'a', version: 'v1', groupPriority: 1, versionPriority: 1, resources, isFresh: true });
    expect([Reflect.get(told, 'resources'), reads < 20 * names.length]).toMatchObject([{ length: 1000 }, true]);
    const twice = { resources: [{ name: 'a', kind: 'A' }, { name: 'a', kind: 'B' }] };
    expect(resourcesOf(Buffer.from(JSON.stringify(twice)))).toMatchObject([{ kind: 'A' }]);
  });

  it('is said to be there once, however often it is asked', () => {
    const first = withVerdict(undefined, passed, 0);
    expect(first).toEqual([{ type: 'Available', status: 'True', reason: 'Passed', message: 'all checks passed', lastTransitionTime: '1970-01-01T00:00:00Z' }]);
    expect(withVerdict(first, passed, 1000)).toBe(first);
    expect(withVerdict(first, { status: 'False', reason: 'ServiceNotFound', message: 'm' }, 1000)).toEqual([
      { type: 'Available', status: 'False', reason: 'ServiceNotFound', message: 'm', lastTransitionTime: '1970-01-01T00:00:01Z' },
    ]);
  });
});
