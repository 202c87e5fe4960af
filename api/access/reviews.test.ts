import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ClusterRole, ClusterRoleBinding } from '../../machinery/kinds/cluster.ts';
import type { KubernetesObject } from '../../machinery/kinds/kind.ts';
import type { Draft } from '../../machinery/kinds/wire.ts';
import type { Call, User } from '../request.ts';
import { resources } from '../resources/all.ts';
import { createAuthorizer, type ClusterAuthorizer } from './rbac.ts';
import { reviewHandlers } from './reviews.ts';
import { asking, someone, startTestCluster, type TestCluster } from './test-cluster.ts';

let cluster: TestCluster;
let authorizer: ClusterAuthorizer;
const ann = someone('ann');

beforeAll(async () => {
  cluster = await startTestCluster();
  authorizer = createAuthorizer(cluster.caches);
  const rules = [{ verbs: ['get'], apiGroups: [''], resources: ['pods'] }, { verbs: ['get'], nonResourceURLs: ['/metrics'] }];
  await cluster.put(ClusterRole, { metadata: { name: 'reader' }, rules });
  await cluster.put(ClusterRoleBinding, { metadata: { name: 'b' }, roleRef: { apiGroup: '', kind: 'ClusterRole', name: 'reader' }, subjects: [{ kind: 'User', name: 'ann' }] });
});

afterAll(async () => {
  authorizer.close();
  await cluster.close();
});

/** The status that a review answers with. */
async function review(plural: string, spec: object, user: User = ann, namespace = ''): Promise<unknown> {
  const resource = resources.find((one) => one.plural === plural);
  if (resource === undefined) throw new Error(`no resource ${plural}`);
  const handler = reviewHandlers({
    authorizer, caches: cluster.caches, admission: cluster.writer.admission,
    authenticator: {
      authenticate: () => Promise.resolve(ann),
      reviewToken: (token, audiences) => Promise.resolve(token === 'good' ? { user: ann, audiences: audiences.length === 0 ? ['api'] : audiences } : undefined),
    },
    codec: { decode: (_resource, { content }) => ('value' in content ? content.value : {}) as Draft<KubernetesObject> },
  })[plural];
  const call: Call = {
    info: { ...asking(`create ${plural}`), namespace }, user, resource, query: {}, search: '', accept: { as: 'json' }, userAgent: 'test',
    body: { content: { value: { spec } }, mediaType: 'application/json' }, signal: AbortSignal.timeout(1000), warn: () => undefined,
  };
  const result = await handler?.(call);
  if (result?.type !== 'object') throw new Error('a review answers with an object');
  expect(result.code).toBe(201);
  expect(result.object.kind).toBe(resource.kind);
  return Reflect.get(result.object, 'status');
}

const getPods = { resourceAttributes: { verb: 'get', resource: 'pods', namespace: 'a' } };

describe('a review', () => {
  it.each<[string, string, object, object]>([
    ['tells what I may', 'selfsubjectaccessreviews', getPods, { allowed: true, reason: 'RBAC: allowed by ClusterRoleBinding "b" of ClusterRole "reader" to User "ann"' }],
    ['tells what I may not', 'selfsubjectaccessreviews', { resourceAttributes: { verb: 'delete', resource: 'pods' } }, { allowed: false }],
    ['tells about a path', 'selfsubjectaccessreviews', { nonResourceAttributes: { verb: 'get', path: '/metrics' } }, { allowed: true }],
    ['tells what another may', 'subjectaccessreviews', { ...getPods, user: 'ben', groups: ['dev'] }, { allowed: false }],
    ['tells what another may in a namespace', 'localsubjectaccessreviews', { ...getPods, user: 'ann' }, { allowed: true }],
    ['tells who I am', 'selfsubjectreviews', {}, { userInfo: { username: 'ann', groups: ['system:authenticated'] } }],
    ['lists what I may', 'selfsubjectrulesreviews', { namespace: 'a' }, {
      incomplete: false,
      resourceRules: [{ verbs: ['get'], apiGroups: [''], resources: ['pods'] }], nonResourceRules: [{ verbs: ['get'], nonResourceURLs: ['/metrics'] }],
    }],
    ['tells whose token it is', 'tokenreviews', { token: 'good', audiences: ['vault'] }, { authenticated: true, audiences: ['vault'], user: { username: 'ann' } }],
    ['tells that a token is nobody\'s', 'tokenreviews', { token: 'bad' }, { error: 'invalid bearer token' }],
  ])('%s', async (_name, plural, spec, status) => {
    expect(await review(plural, spec, ann, 'a')).toMatchObject(status);
  });

  it.each<[string, string, object, string]>([
    ['asks about something', 'selfsubjectaccessreviews', {}, 'exactly one of nonResourceAttributes or resourceAttributes must be specified'],
    ['asks about one thing', 'selfsubjectaccessreviews', { ...getPods, nonResourceAttributes: { verb: 'get', path: '/' } }, 'cannot be specified in combination with resourceAttributes'],
    ['names whom it is about', 'subjectaccessreviews', getPods, 'at least one of user or group must be specified'],
    ['stays in its namespace', 'localsubjectaccessreviews', { user: 'ann', resourceAttributes: { verb: 'get', resource: 'pods', namespace: 'b' } }, 'must match metadata.namespace'],
    ['of rules names a namespace', 'selfsubjectrulesreviews', {}, 'no namespace on request'],
    ['of a token brings one', 'tokenreviews', {}, 'token is required for TokenReview in authentication'],
  ])('%s', async (_name, plural, spec, message) => {
    await expect(review(plural, spec, ann, 'a')).rejects.toThrow(message);
  });
});
