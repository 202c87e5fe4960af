import { beforeAll, describe, expect, it } from 'vitest';
import { useCluster } from '../cluster.ts';
import { define } from '../definitions.ts';
import { call, get } from '../raw.ts';
import { eventually } from '../../e2e/eventually.ts';

const cluster = useCluster('discovery');
const aggregated = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
/** What client-go asks for: the form above first, then the older ones. */
const client = `${aggregated},application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json`;

/** A resource of each group that every cluster has. */
const expected = [
  'admissionregistration.k8s.io/v1/validatingwebhookconfigurations', 'apiextensions.k8s.io/v1/customresourcedefinitions', 'apiregistration.k8s.io/v1/apiservices',
  'apps/v1/deployments', 'authentication.k8s.io/v1/tokenreviews', 'authorization.k8s.io/v1/selfsubjectaccessreviews', 'autoscaling/v1/horizontalpodautoscalers',
  'autoscaling/v2/horizontalpodautoscalers', 'batch/v1/jobs', 'certificates.k8s.io/v1/certificatesigningrequests', 'coordination.k8s.io/v1/leases',
  'discovery.k8s.io/v1/endpointslices', 'events.k8s.io/v1/events', 'networking.k8s.io/v1/ingresses', 'node.k8s.io/v1/runtimeclasses', 'policy/v1/poddisruptionbudgets',
  'scheduling.k8s.io/v1/priorityclasses', 'storage.k8s.io/v1/csinodes',
];

interface Group {
  readonly name: string;
  readonly versions: readonly { readonly groupVersion: string; readonly version: string }[];
  readonly preferredVersion: { readonly groupVersion: string; readonly version: string };
}

interface AggregatedGroup {
  readonly metadata: { readonly name?: string };
  readonly versions: readonly { readonly version: string; readonly resources: readonly { readonly resource: string; readonly scope: string; readonly verbs: readonly string[] }[] }[];
}

/** `apps/v1/deployments`; the core group's begin with `/v1`. */
function resourcesOf(document: unknown): string[] {
  const { items } = document as { readonly items: readonly AggregatedGroup[] };
  return items.flatMap(({ metadata, versions }) => versions.flatMap(({ version, resources }) => resources.map(({ resource }) => `${metadata.name ?? ''}/${version}/${resource}`)));
}

let groups: readonly Group[];

beforeAll(async () => {
  groups = (await get('/apis') as { readonly groups: readonly Group[] }).groups;
});

describe('[sig-api-machinery]', () => {
  it('Discovery should validate PreferredVersion for each APIGroup', async () => {
    expect(groups.length).toBeGreaterThan(10);
    // Groups of tests beside this one may go away in between.
    for (const { name, versions, preferredVersion } of groups.filter((group) => !group.name.endsWith('.example.com'))) {
      expect(await get(`/apis/${name}`)).toMatchObject({ kind: 'APIGroup', name, preferredVersion });
      expect(versions).toContainEqual(preferredVersion);
      expect(preferredVersion.groupVersion).toBe(`${name}/${preferredVersion.version}`);
    }
  });

  it('Discovery should locate the groupVersion and a resource within each APIGroup', async () => {
    const resource = new Map(expected.map((text) => [text.slice(0, text.lastIndexOf('/')), text.slice(text.lastIndexOf('/') + 1)]));
    let found = 0;
    for (const { versions } of groups.filter((group) => !group.name.endsWith('.example.com'))) {
      for (const { groupVersion } of versions) {
        const list = await get(`/apis/${groupVersion}`);
        expect(list).toMatchObject({ kind: 'APIResourceList', groupVersion });
        const name = resource.get(groupVersion);
        if (name === undefined) continue;
        expect(list).toMatchObject({ resources: expect.arrayContaining([expect.objectContaining({ name })]) as unknown });
        found++;
      }
    }
    expect(found).toBe(resource.size);
  });

  it('AggregatedDiscovery should support raw aggregated discovery endpoint Accept headers', async () => {
    const apis = await call('GET', '/apis', { headers: { accept: aggregated } });
    expect(apis.headers['content-type']).toBe('application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList');
    expect(apis.body).toMatchObject({ kind: 'APIGroupDiscoveryList', apiVersion: 'apidiscovery.k8s.io/v2' });
    expect(resourcesOf(apis.body)).toEqual(expect.arrayContaining(expected));
    expect(resourcesOf(await get('/api', { accept: aggregated }))).toContain('/v1/namespaces');
  });

  it('AggregatedDiscovery should support raw aggregated discovery request for CRDs', async () => {
    await using defined = await define(cluster.client, { kind: 'testcrd' });
    await eventually(async () => expect(resourcesOf(await get('/apis', { accept: aggregated }))).toContain(`${defined.group}/v1/testcrds`));
  });

  it('AggregatedDiscovery should support aggregated discovery interface', async () => {
    const documents = await Promise.all(['/api', '/apis'].map((path) => get(path, { accept: client })));
    expect(documents.flatMap(resourcesOf)).toEqual(expect.arrayContaining([...expected, '/v1/namespaces']));
    for (const document of documents) {
      for (const { versions } of (document as { readonly items: readonly AggregatedGroup[] }).items) {
        for (const { resources } of versions) for (const { scope, verbs } of resources) expect(`${scope} ${verbs.join()}`).toMatch(/^(Cluster|Namespaced) \w/);
      }
    }
    // kubectl goes by these documents alone.
    const printed = await cluster.kubectl`api-resources -o name --cached=false`;
    expect(printed.split('\n')).toEqual(expect.arrayContaining(['namespaces', ...expected.map((text) => `${text.split('/')[2] ?? ''}.${text.split('/')[0] ?? ''}`)]));
  });

  it('AggregatedDiscovery should support aggregated discovery interface for CRDs', async () => {
    await using defined = await define(cluster.client, { kind: 'testcrd' });
    await eventually(async () => expect(resourcesOf(await get('/apis', { accept: client }))).toContain(`${defined.group}/v1/testcrds`));
    expect(await cluster.kubectl`api-resources --api-group ${defined.group} -o name --cached=false`).toBe(`testcrds.${defined.group}\n`);
  });
});
