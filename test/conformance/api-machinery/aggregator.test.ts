import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { APIService } from '../../../machinery/kinds/api-registration.ts';
import { ConfigMap, Service } from '../../../machinery/kinds/core.ts';
import { defineKind } from '../../../machinery/kinds/kind.ts';
import { eventually } from '../../e2e/eventually.ts';
import { useCluster } from '../cluster.ts';
import type { CustomObject } from '../definitions.ts';
import { startHttpsServer, type Answered, type Asked, type HttpsServer } from '../https-server.ts';
import { expectConditions } from '../operations.ts';
import { call, get } from '../raw.ts';
import { watching } from '../watching.ts';

const cluster = useCluster('aggregator');
const group = 'wardle.conformance.example.com';
const groupVersion = `${group}/v1alpha1`;
const Flunder = defineKind<CustomObject>(group, 'v1alpha1', 'Flunder', 'flunders');
let sample: HttpsServer;

/** As much of a server of flunders as clients need: its discovery, and create, list, get and delete. It admits who comes from the API server alone. */
function startSample(clientCa: string): Promise<HttpsServer> {
  const stored = new Map<string, CustomObject>();
  let revision = 0;
  const notFound: Answered = { code: 404, body: { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', reason: 'NotFound', code: 404, message: 'not found' } };
  const verbs = ['create', 'delete', 'get', 'list'];
  const version = { groupVersion, version: 'v1alpha1' };
  const documents: Readonly<Record<string, object>> = {
    '/apis': { kind: 'APIGroupList', apiVersion: 'v1', groups: [{ name: group, versions: [version], preferredVersion: version }] },
    [`/apis/${group}`]: { kind: 'APIGroup', apiVersion: 'v1', name: group, versions: [version], preferredVersion: version },
    [`/apis/${groupVersion}`]: { kind: 'APIResourceList', apiVersion: 'v1', groupVersion, resources: [{ name: 'flunders', singularName: 'flunder', namespaced: true, kind: 'Flunder', verbs }] },
  };
  const answer = ({ method, url, text, headers }: Asked): Answered => {
    const path = url.split('?', 1)[0] ?? '';
    const document = documents[path];
    if (document !== undefined) return { body: document };
    const [, namespace, name] = /^\/apis\/[^/]+\/v1alpha1\/namespaces\/([^/]+)\/flunders(?:\/([^/]+))?$/.exec(path) ?? [];
    if (namespace === undefined) return notFound;
    if (method === 'POST') {
      const object = JSON.parse(text) as CustomObject;
      const metadata = { ...object.metadata, namespace, uid: `uid-${++revision}`, resourceVersion: String(revision), annotations: { by: String(headers['x-remote-user']) } };
      stored.set(`${namespace}/${metadata.name ?? ''}`, { ...object, metadata });
      return { code: 201, body: { ...object, metadata } };
    }
    if (name === undefined) return { body: { kind: 'FlunderList', apiVersion: groupVersion, metadata: { resourceVersion: String(revision) }, items: [...stored].filter(([key]) => key.startsWith(`${namespace}/`)).map(([, object]) => object) } };
    const found = stored.get(`${namespace}/${name}`);
    if (found === undefined) return notFound;
    if (method === 'DELETE') stored.delete(`${namespace}/${name}`);
    return { body: method === 'DELETE' ? { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success' } : found };
  };
  return startHttpsServer(answer, [`sample-api.${cluster.namespace}.svc`], clientCa);
}

beforeAll(async () => {
  // Where an extension server learns whose word on users it may trust.
  const trust = await cluster.client.get(ConfigMap, { namespace: 'kube-system', name: 'extension-apiserver-authentication' });
  sample = await startSample(trust.data?.['requestheader-client-ca-file'] ?? '');
});

afterAll(() => sample[Symbol.asyncDispose]());

describe('[sig-api-machinery]', () => {
  it('Aggregator Should be able to support the 1.17 Sample API Server using the current Aggregator [LinuxOnly]', async () => {
    const { client, namespace, kubectl } = cluster;
    const at = { name: `v1alpha1.${group}` };
    await client.create(Service, { metadata: { name: 'sample-api', namespace }, spec: { type: 'ExternalName', externalName: 'localhost' } });
    await using watch = watching(client, APIService, { fieldSelector: `metadata.name=${at.name}` });
    const service = { namespace, name: 'sample-api', port: sample.port };
    await client.create(APIService, { metadata: { ...at, labels: { conformance: 'sample' } }, spec: { group, version: 'v1alpha1', service, caBundle: sample.caBundle, groupPriorityMinimum: 2000, versionPriority: 200 } });
    await watch.until('CHANGED', ({ status }) => status?.conditions?.some(({ type, status: value }) => type === 'Available' && value === 'True') === true);

    // By plain HTTP, by a typed client and by kubectl, each with what it makes gone at the end.
    const path = `/apis/${groupVersion}/namespaces/${namespace}/flunders`;
    const flunder = (name: string): CustomObject => ({ apiVersion: groupVersion, kind: 'Flunder', metadata: { name, labels: { 'sample-label': 'true' } }, spec: {} });
    const posted = await call('POST', path, { body: flunder('rest-flunder') });
    expect(posted.code).toBe(201);
    expect(posted.body).toMatchObject({ metadata: { name: 'rest-flunder', namespace, annotations: { by: expect.stringMatching(/./) as unknown } } });
    expect(await get(path)).toMatchObject({ kind: 'FlunderList', items: [{ metadata: { name: 'rest-flunder' } }] });
    expect((await call('DELETE', `${path}/rest-flunder`)).code).toBe(200);
    expect(await get(path)).toMatchObject({ items: [] });

    const made = await client.create(Flunder, { ...flunder('dynamic-flunder'), metadata: { name: 'dynamic-flunder', namespace } });
    expect(made.metadata).toMatchObject({ namespace, uid: expect.stringMatching(/./) as unknown });
    expect((await client.list(Flunder, { namespace })).items.map(({ metadata }) => metadata?.name)).toEqual(['dynamic-flunder']);
    await client.delete(Flunder, { namespace, name: 'dynamic-flunder' });
    expect((await client.list(Flunder, { namespace })).items).toEqual([]);

    await eventually(async () => expect(await kubectl`api-resources --api-group ${group} -o name --cached=false`).toBe(`flunders.${group}\n`));
    expect(await kubectl.with({ input: JSON.stringify(flunder('kubectl-flunder')) })`create --validate=false -f -`).toBe(`flunder.${group}/kubectl-flunder created\n`);
    expect(await kubectl`get flunders -o name`).toBe(`flunder.${group}/kubectl-flunder\n`);
    await kubectl`delete flunder kubectl-flunder --wait=false`;
    expect(await kubectl`get flunders -o name`).toBe('');

    // The APIService itself: read, patched, its status replaced and patched, found by its label.
    expect((await client.getSubresource<APIService>(APIService, at, 'status')).status?.conditions).toEqual([expect.objectContaining({ type: 'Available', status: 'True', reason: 'Passed', message: 'all checks passed' })]);
    const patched = await client.patch(APIService, at, 'application/merge-patch+json', { spec: { versionPriority: 400 } });
    expect(patched.spec?.versionPriority).toBe(400);
    expect(await kubectl`get apiservices ${at.name} -o ${'jsonpath={.spec.versionPriority}'}`).toBe('400');
    await expectConditions(cluster, APIService, at);
    const replaced = await eventually(async () => client.update(APIService, { ...await client.get(APIService, at), metadata: { ...(await client.get(APIService, at)).metadata, labels: { conformance: 'updated' } } }));
    expect(replaced.metadata?.labels).toEqual({ conformance: 'updated' });
    expect((await client.list(APIService, { labelSelector: 'conformance=updated' })).items.map(({ metadata }) => metadata?.name)).toEqual([at.name]);
    await client.deleteCollection(APIService, { labelSelector: 'conformance=updated' });
    await watch.until('DELETED');
    expect(JSON.stringify(await get('/apis'))).not.toContain(group);
    expect((await call('GET', path)).code).toBe(404);
  });
});
