import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { defineKind, type KubernetesObject } from '../machinery/kinds/kind.ts';
import { startTestServer, type TestServer } from './test-server.ts';

interface Lamp extends KubernetesObject {
  readonly spec?: { readonly watts?: number; readonly colour?: string };
}

/** CustomResourceDefinitions as their users meet them, with the real kubectl. */
let test: TestServer;

beforeAll(async () => { test = await startTestServer(); });
afterAll(async () => { await test.dispose(); });

async function kubectl(...words: string[]): Promise<string> {
  const { code, out, err } = await test.kubectl(...words);
  return code === 0 ? out : `exit ${code}: ${err}`;
}

async function apply(...objects: readonly object[]): Promise<string> {
  const { code, out, err } = await test.kubectlWith(objects.map((object) => JSON.stringify(object)).join('\n---\n'), 'apply', '-f', '-');
  return code === 0 ? out : `exit ${code}: ${out}${err}`;
}

const cronTabSchema = {
  type: 'object',
  properties: {
    spec: {
      type: 'object', required: ['cronSpec'], description: 'When and what to run.',
      properties: {
        cronSpec: { type: 'string', pattern: String.raw`^(\d+|\*)(/\d+)?(\s+(\d+|\*)(/\d+)?){4}$`, description: 'When to run, as cron has it.' },
        image: { type: 'string', default: 'busybox' },
        replicas: { type: 'integer', minimum: 1, maximum: 10 },
        port: { 'x-kubernetes-int-or-string': true },
        raw: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
        maybe: { type: 'string', nullable: true },
      },
    },
    status: { type: 'object', properties: { replicas: { type: 'integer' }, labelSelector: { type: 'string' } } },
  },
};

const cronTabs = {
  apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: 'crontabs.stable.example.com' },
  spec: {
    group: 'stable.example.com', scope: 'Namespaced', names: { plural: 'crontabs', kind: 'CronTab', shortNames: ['ct'], categories: ['all'] },
    versions: [{
      name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: cronTabSchema },
      subresources: { status: {}, scale: { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas', labelSelectorPath: '.status.labelSelector' } },
      additionalPrinterColumns: [
        { name: 'Spec', type: 'string', jsonPath: '.spec.cronSpec', description: 'The cron spec' },
        { name: 'Replicas', type: 'integer', jsonPath: '.spec.replicas' },
        { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
        { name: 'Image', type: 'string', jsonPath: '.spec.image', priority: 1 },
      ],
      selectableFields: [{ jsonPath: '.spec.image' }],
    }],
  },
};

const cronTab = (name: string, spec: object = { cronSpec: '* * * * */5' }) => ({ apiVersion: 'stable.example.com/v1', kind: 'CronTab', metadata: { name }, spec });

/** What the server says when kubectl doesn't look first. */
async function createdRaw(object: object): Promise<string> {
  return (await test.kubectlWith(JSON.stringify(object), 'create', '--raw', '/apis/stable.example.com/v1/namespaces/default/crontabs', '-f', '-')).err;
}

describe('a custom resource', () => {
  beforeAll(async () => {
    expect(await apply(cronTabs)).toBe('customresourcedefinition.apiextensions.k8s.io/crontabs.stable.example.com created\n');
    expect(await kubectl('wait', '--for=condition=Established', 'crd/crontabs.stable.example.com', '--timeout=20s')).toContain('condition met');
  });

  beforeEach(async () => { await kubectl('delete', 'crontabs', '--all'); });

  it('is served as soon as it is defined, with its defaults and columns', async () => {
    expect(await apply(cronTab('a'))).toBe('crontab.stable.example.com/a created\n');
    expect(await kubectl('get', 'ct')).toMatch(/^NAME +SPEC +REPLICAS +AGE\na +\* \* \* \* \*\/5 + \ds\n$/);
    expect(await kubectl('get', 'ct', 'a', '-o', 'wide')).toMatch(/busybox\n$/);
    expect(await kubectl('get', 'crontab', 'a', '-o', 'jsonpath={.spec.image} {.metadata.generation}')).toBe('busybox 1');
    expect(await kubectl('get', 'all')).toContain('crontab.stable.example.com/a');
    expect(await kubectl('api-resources', '--api-group=stable.example.com')).toMatch(/crontabs +ct +stable.example.com\/v1 +true +CronTab/);
    expect(await kubectl('get', 'crontabs', '--field-selector', 'spec.image=busybox', '-o', 'name')).toBe('crontab.stable.example.com/a\n');
  });

  it('is explained', async () => {
    expect(await kubectl('explain', 'crontab.spec.cronSpec')).toContain('When to run, as cron has it.');
    expect(await kubectl('explain', 'crontab', '--recursive')).toMatch(/cronSpec\s<string> -required-/);
  });

  it('is refused with everything that is wrong with it', async () => {
    const refused = await apply(cronTab('a', { cronSpec: 'never', replicas: 20, port: true }));
    expect(refused).toContain("spec.cronSpec: Invalid value: \"never\": spec.cronSpec in body should match '^(\\d+|\\*)(/\\d+)?(\\s+(\\d+|\\*)(/\\d+)?){4}$'");
    expect(refused).toContain('spec.replicas: Invalid value: 20: spec.replicas in body should be less than or equal to 10');
    expect(refused).toContain('spec.port: Invalid value: "boolean": spec.port in body must be of type integer,string: "boolean"');
    expect(await apply(cronTab('a', { image: 'x' }))).toContain('spec.cronSpec: Required value');
    expect(await apply(cronTab('a', { cronSpec: '* * * * *', colour: 'red' }))).toContain('strict decoding error: unknown field "spec.colour"');
  });

  it('is of its own kind and version', async () => {
    expect(await createdRaw({ ...cronTab('a'), kind: 'Other' })).toContain('The Other "a" is invalid: kind: Invalid value: "Other": must be CronTab');
    expect(await createdRaw({ ...cronTab('a'), apiVersion: 'stable.example.com/v2' })).toContain('the API version in the data (stable.example.com/v2) does not match the expected API version (stable.example.com/v1)');
  });

  it('is pruned, but for what the schema leaves open', async () => {
    const pruned = await test.kubectlWith(JSON.stringify(cronTab('a', { cronSpec: '* * * * *', colour: 'red', raw: { any: [{ thing: 1 }] }, maybe: null })), 'create', '--validate=false', '-f', '-');
    expect(pruned.out).toBe('crontab.stable.example.com/a created\n');
    expect(JSON.parse(await kubectl('get', 'ct', 'a', '-o', 'jsonpath={.spec}'))).toEqual({ cronSpec: '* * * * *', image: 'busybox', raw: { any: [{ thing: 1 }] }, maybe: null });
  });

  it('is patched and scaled, and its status is apart', async () => {
    await apply(cronTab('a'));
    expect(await kubectl('patch', 'ct', 'a', '--type=merge', '-p', '{"spec":{"replicas":2},"status":{"replicas":7}}')).toContain('patched');
    expect(await kubectl('patch', 'ct', 'a', '--subresource=status', '--type=merge', '-p', '{"spec":{"replicas":9},"status":{"replicas":2,"labelSelector":"app=x"}}')).toContain('patched');
    expect(await kubectl('get', 'ct', 'a', '-o', 'jsonpath={.spec.replicas} {.status.replicas} {.metadata.generation}')).toBe('2 2 2');
    expect(await kubectl('scale', 'ct', 'a', '--replicas=3')).toBe('crontab.stable.example.com/a scaled\n');
    expect(await kubectl('get', 'ct', 'a', '-o', 'jsonpath={.spec.replicas} {.metadata.generation}')).toBe('3 3');
    expect(await kubectl('patch', 'ct', 'a', '-p', '{"spec":{"replicas":2}}')).toContain('application/strategic-merge-patch+json is not supported by stable.example.com/v1, Kind=CronTab');
    const accepted = 'accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml';
    expect(await kubectl('patch', 'ct', 'a', '--subresource=scale', '--type=strategic', '-p', '{"spec":{"replicas":2}}')).toContain(accepted);
  });

  it('is applied again with what changed', async () => {
    await apply(cronTab('a', { cronSpec: '* * * * *', replicas: 3 }));
    expect(await apply(cronTab('a', { cronSpec: '* * * * *', replicas: 3 }))).toBe('crontab.stable.example.com/a unchanged\n');
    expect(await apply(cronTab('a', { cronSpec: '1 * * * *' }))).toBe('crontab.stable.example.com/a configured\n');
    expect(await kubectl('get', 'ct', 'a', '-o', 'jsonpath={.spec}')).toBe('{"cronSpec":"1 * * * *","image":"busybox"}');
  });
});

const lampDefinition = (more: object = {}) => ({
  ...cronTabs, metadata: { name: 'lamps.light.example' },
  spec: { group: 'light.example', scope: 'Cluster', names: { plural: 'lamps', kind: 'Lamp' }, versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } } } } }], ...more },
});
const lamp = { apiVersion: 'light.example/v1', kind: 'Lamp', metadata: { name: 'l' }, spec: { watts: 5 } };

describe('a definition', () => {
  it('does not keep the rest of a file from being applied while its kind is unknown', async () => {
    const config = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'beside' } };
    const both = await apply(lamp, config);
    expect(both).toContain('no matches for kind "Lamp" in version "light.example/v1"');
    expect(both).toContain('configmap/beside created');
  });

  it('takes its objects with it', async () => {
    await apply(lampDefinition());
    await kubectl('wait', '--for=condition=Established', 'crd/lamps.light.example', '--timeout=20s');
    expect(await apply(lamp)).toBe('lamp.light.example/l created\n');
    expect(await kubectl('delete', 'crd', 'lamps.light.example', '--timeout=20s')).toContain('deleted');
    expect(await kubectl('get', 'lamps')).toContain('the server could not find the requested resource');
    await apply(lampDefinition());
    await kubectl('wait', '--for=condition=Established', 'crd/lamps.light.example', '--timeout=20s');
    expect(await kubectl('get', 'lamps')).toBe('');
    await kubectl('delete', 'crd', 'lamps.light.example');
  });

  it('waits for an object that a finalizer holds', async () => {
    await apply(lampDefinition());
    await kubectl('wait', '--for=condition=Established', 'crd/lamps.light.example', '--timeout=20s');
    await apply({ ...lamp, metadata: { name: 'held', finalizers: ['light.example/hold'] } });
    await kubectl('delete', 'crd', 'lamps.light.example', '--wait=false');
    await kubectl('wait', '--for=jsonpath={.metadata.deletionTimestamp}', 'lamp/held', '--timeout=20s');
    expect(await kubectl('get', 'crd', 'lamps.light.example', '-o', 'jsonpath={.status.conditions[?(@.type=="Terminating")].reason}')).toBe('InstanceDeletionInProgress');
    const refused = 'lamps.light.example "l" is forbidden: create not allowed while custom resource definition is terminating';
    expect(await apply(lamp)).toContain(refused);
    const { out, err } = await test.kubectlWith(JSON.stringify(lamp), 'apply', '--server-side', '-f', '-');
    expect(out + err).toContain(refused);
    expect(await kubectl('get', '--raw', '/apis/light.example/v1')).toContain('"verbs":["delete","deletecollection","get","list","watch"]');
    await kubectl('patch', 'lamp', 'held', '--type=merge', '-p', '{"metadata":{"finalizers":null}}');
    expect(await kubectl('wait', '--for=delete', 'crd/lamps.light.example', '--timeout=20s')).not.toContain('exit');
  });

  it('is served by whichever server has its store, from the first request on', async () => {
    await apply(lampDefinition());
    await kubectl('wait', '--for=condition=Established', 'crd/lamps.light.example', '--timeout=20s');
    await apply(lamp);
    const other = await startTestServer({ store: test.store });
    try {
      const lamps = defineKind<Lamp>('light.example', 'v1', 'Lamp', 'lamps', 'Cluster');
      expect((await other.client.list(lamps, {})).items.map(({ spec }) => spec)).toEqual([{ watts: 5 }]);
      await kubectl('delete', 'crd', 'lamps.light.example', '--timeout=20s');
      await expect.poll(() => other.kubectl('get', 'lamps').then(({ err }) => err), { timeout: 10_000 }).toContain('the server doesn\'t have a resource type "lamps"');
    } finally {
      await other.dispose();
    }
  });

  it('has no unknown words in its schema, however deep', async () => {
    const schema = { type: 'object', properties: { list: { type: 'array', items: { type: 'object', additionalProperties: { type: 'string', maxLenth: 5 } } } } };
    const words = lampDefinition({ versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: schema } }] });
    expect(await apply(words)).toContain('strict decoding error: unknown field "spec.versions[0].schema.openAPIV3Schema.properties.list.items.additionalProperties.maxLenth"');
  });

  it('is refused with every reason', async () => {
    const refused = await apply(lampDefinition({ group: 'light', versions: [{ name: 'V1', served: true, storage: false, schema: { openAPIV3Schema: { type: 'object', properties: { a: {} } } } }] }));
    expect(refused).toContain('metadata.name: Invalid value: "lamps.light.example": must be spec.names.plural+"."+spec.group');
    expect(refused).toContain('spec.group: Invalid value: "light": should be a domain with at least one dot');
    expect(refused).toContain('must have exactly one version marked as storage version');
    expect(refused).toContain('spec.validation.openAPIV3Schema.properties[a].type: Required value: must not be empty for specified object fields');
  });
});

/** One version with this spec. */
const versions = (spec: object, more: object = {}) => [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', ...spec }, status: { type: 'object', properties: { lit: { type: 'boolean' } } } } } }, ...more }];

describe('a definition that changes', () => {
  const lamps = defineKind<Lamp>('light.example', 'v1', 'Lamp', 'lamps', 'Cluster');

  beforeAll(async () => {
    await apply(lampDefinition({ versions: versions({ properties: { watts: { type: 'integer' } } }) }));
    await kubectl('wait', '--for=condition=Established', 'crd/lamps.light.example', '--timeout=20s');
    await test.client.create(lamps, { metadata: { name: 'old' }, spec: { watts: 5 } });
  });
  afterAll(async () => { await kubectl('delete', 'crd', 'lamps.light.example'); });

  it('ends watches, and shows what is stored by its new schema', async () => {
    const { metadata } = await test.client.list(lamps, {});
    const watching = (async () => { for await (const batch of test.client.watch(lamps, { resourceVersion: metadata.resourceVersion ?? '', signal: AbortSignal.timeout(20_000) })) expect(batch).toEqual([]); })();
    await apply(lampDefinition({ versions: versions({ properties: { colour: { type: 'string', default: 'white' } } }) }));
    await watching;
    expect((await test.client.get(lamps, { name: 'old' })).spec).toEqual({ colour: 'white' });
    // What was seen before is no longer how it is: clients list again.
    await expect((async () => { for await (const _ of test.client.watch(lamps, { resourceVersion: metadata.resourceVersion ?? '', signal: AbortSignal.timeout(20_000) })); })()).rejects.toThrow('too old resource version');
  });

  it('counts a status among the wishes unless it has a subresource of its own', async () => {
    const before = await test.client.get(lamps, { name: 'old' });
    const lit = await test.client.patch(lamps, { name: 'old' }, 'application/merge-patch+json', { status: { lit: true } });
    expect(lit.metadata?.generation).toBe((before.metadata?.generation ?? 0) + 1);
    await apply(lampDefinition({ versions: versions({ properties: { colour: { type: 'string', default: 'white' } } }, { subresources: { status: {} } }) }));
    const after = await test.client.patch(lamps, { name: 'old' }, 'application/merge-patch+json', { metadata: { labels: { a: 'b' } }, status: { lit: false } }, { subresource: 'status' });
    expect(after.metadata?.generation).toBe(lit.metadata?.generation);
    expect(after.metadata?.labels).toBeUndefined();
    expect(Reflect.get(after, 'status')).toEqual({ lit: false });
  });

  it('is replaced by who names its version only', async () => {
    const { metadata: { resourceVersion: _version, ...metadata } = {}, ...rest } = await test.client.get(lamps, { name: 'old' });
    await expect(test.client.update(lamps, { ...rest, metadata })).rejects.toThrow('lamps.light.example "old" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an update');
  });

  it('shows the defaults of the version that is stored, and takes those of the version of the request', async () => {
    const [one] = versions({ properties: { a: text('A'), b: text(), only: text('1') } }, { storage: false });
    const [other] = versions({ properties: { a: text(), b: text('B') } }, { name: 'v2' });
    await apply(lampDefinition({ versions: [one, other] }));
    expect((await test.client.create(lamps, { metadata: { name: 'mixed' }, spec: {} })).spec).toEqual({ a: 'A', b: 'B' });
    expect((await test.client.create({ ...lamps, version: 'v2' }, { metadata: { name: 'later' }, spec: {} })).spec).toEqual({ b: 'B' });
    expect((await test.client.get(lamps, { name: 'later' })).spec).toEqual({ b: 'B' });
    for (const name of ['mixed', 'later']) await test.client.delete(lamps, { name });
  });

  it('is found by the version that is stored, whatever was stored before', async () => {
    await apply(lampDefinition({ versions: two('v2') }));
    expect(await kubectl('get', 'crd', 'lamps.light.example', '-o', 'jsonpath={.status.storedVersions}')).toBe('["v1","v2"]');
    const lampsV2 = { ...lamps, version: 'v2' };
    await test.client.create(lampsV2, { metadata: { name: 'new' } });
    expect((await test.client.list(lamps, {})).items.map(({ apiVersion, metadata }) => [apiVersion, metadata?.name])).toEqual([['light.example/v1', 'new'], ['light.example/v1', 'old']]);
    expect((await test.client.list(lampsV2, {})).items.map(({ apiVersion, metadata }) => [apiVersion, metadata?.name])).toEqual([['light.example/v2', 'new'], ['light.example/v2', 'old']]);
    const refused = await apply(lampDefinition({ versions: two('v2').slice(1) }));
    expect(refused).toContain('status.storedVersions[0]: Invalid value: "v1": missing from spec.versions; v1 was previously a storage version');
    // A migration writes every object once, and says so.
    await test.client.patch(lampsV2, { name: 'old' }, 'application/merge-patch+json', { metadata: { labels: { migrated: 'true' } } });
    await kubectl('patch', 'crd', 'lamps.light.example', '--subresource=status', '--type=merge', '-p', '{"status":{"storedVersions":["v2"]}}');
    expect(await apply(lampDefinition({ versions: two('v2').slice(1) }))).toContain('configured');
    expect((await test.client.list(lampsV2, {})).items).toHaveLength(2);
    expect(await kubectl('get', '--raw', '/apis/light.example/v1')).toContain('exit 1');
  });
});

const text = (value?: string) => ({ type: 'string', ...(value === undefined ? {} : { default: value }) });

/** Two versions, of which one is stored. */
const two = (storage: string) => [{ name: 'v1', served: true, storage: storage === 'v1', ...versionOf() }, { name: 'v2', served: true, storage: storage === 'v2', ...versionOf() }];

function versionOf() {
  return { schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } } };
}
