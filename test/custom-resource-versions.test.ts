import { createServer, type Server } from 'node:https';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CustomResourceDefinition } from '../machinery/kinds/apiextensions.ts';
import { Namespace } from '../machinery/kinds/core.ts';
import { defineKind, type KubernetesObject } from '../machinery/kinds/kind.ts';
import { startTestServer, type TestServer } from './test-server.ts';

/** A kind in two versions between which a webhook converts: `{ address: 'a:1' }` in v1 is `{ host: 'a', port: 1 }` in v2. */
interface Lamp extends KubernetesObject {
  readonly spec?: { readonly address?: string; readonly host?: string; readonly port?: number };
}
const v1 = defineKind<Lamp>('light.example', 'v1', 'Lamp', 'lamps');
const v2 = defineKind<Lamp>('light.example', 'v2', 'Lamp', 'lamps');

let test: TestServer;
let webhook: Server;
/** What the webhook says instead of converting. */
let refusal: string | undefined;
let asked = 0;

function converted(object: Lamp, apiVersion: string): Lamp {
  const { spec = {} } = object;
  const [host = '', port = '0'] = (spec.address ?? '').split(':');
  return { ...object, apiVersion, spec: apiVersion === 'light.example/v2' ? { host, port: Number(port) } : { address: `${spec.host ?? ''}:${spec.port ?? 0}` } };
}

interface Review {
  readonly request: { readonly uid: string; readonly desiredAPIVersion: string; readonly objects: readonly Lamp[] };
}

beforeAll(async () => {
  test = await startTestServer();
  const { certPem: cert, keyPem: key } = await test.pki.serverCertificate(['127.0.0.1']);
  webhook = createServer({ cert, key }, (request, answer) => {
    void text(request).then((body) => {
      asked++;
      const { request: { uid, desiredAPIVersion, objects } } = JSON.parse(body) as Review;
      const result = refusal === undefined ? { status: 'Success' } : { status: 'Failure', message: refusal };
      answer.end(JSON.stringify({ kind: 'ConversionReview', apiVersion: 'apiextensions.k8s.io/v1', response: { uid, result, convertedObjects: refusal === undefined ? objects.map((object) => converted(object, desiredAPIVersion)) : [] } }));
    });
  });
  await new Promise<void>((resolve) => { webhook.listen(0, '127.0.0.1', resolve); });
  const address = webhook.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  await test.client.create(CustomResourceDefinition, definition(port) as unknown as CustomResourceDefinition);
  expect((await test.kubectl('wait', '--for=condition=Established', 'crd/lamps.light.example', '--timeout=20s')).out).toContain('condition met');
});

afterAll(async () => {
  webhook.closeAllConnections();
  await new Promise((resolve) => { webhook.close(resolve); });
  await test.dispose();
});

/** One version of the definition. */
const version = (name: string, storage: boolean, properties: object) => ({
  name, served: true, storage, selectableFields: Object.keys(properties).map((field) => ({ jsonPath: `.spec.${field}` })),
  schema: { openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', properties } } } },
});

function definition(port: number): object {
  return {
    apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: 'lamps.light.example' },
    spec: {
      group: 'light.example', scope: 'Namespaced', names: { plural: 'lamps', kind: 'Lamp' },
      versions: [version('v1', true, { address: { type: 'string' } }), version('v2', false, { host: { type: 'string' }, port: { type: 'integer' } })],
      conversion: { strategy: 'Webhook', webhook: { conversionReviewVersions: ['v1'], clientConfig: { url: `https://127.0.0.1:${port}/convert`, caBundle: Buffer.from(test.pki.caPem).toString('base64') } } },
    },
  };
}

const lamp = (name: string, of: string, spec: Lamp['spec']): Lamp => ({ apiVersion: `light.example/${of}`, kind: 'Lamp', metadata: { name, namespace: 'default' }, ...(spec === undefined ? {} : { spec }) });

/** The first changes that a watch tells of. */
async function watched(kind: typeof v1, options: Parameters<typeof test.client.watch>[1], count: number): Promise<string[]> {
  const seen: string[] = [];
  for await (const batch of test.client.watch(kind, options)) {
    for (const { type, object } of batch) if (type !== 'BOOKMARK') seen.push(`${type} ${object.metadata?.name ?? ''}`);
    if (seen.length >= count) break;
  }
  return seen;
}

const of = (fieldSelector: string) => ({ namespace: 'selected', fieldSelector, signal: AbortSignal.timeout(20_000) });

describe('a kind in two versions with a webhook', () => {
  it('is written and read in either', async () => {
    const created = await test.client.create(v2, lamp('two', 'v2', { host: 'b', port: 2 }));
    expect(created).toMatchObject({ apiVersion: 'light.example/v2', spec: { host: 'b', port: 2 } });
    await test.client.create(v1, lamp('one', 'v1', { address: 'a:1' }));
    expect((await test.client.list(v1, { namespace: 'default' })).items.map(({ spec }) => spec)).toEqual([{ address: 'a:1' }, { address: 'b:2' }]);
    expect((await test.client.list(v2, { namespace: 'default' })).items.map(({ spec }) => spec)).toEqual([{ host: 'a', port: 1 }, { host: 'b', port: 2 }]);
    expect((await test.client.get(v2, { namespace: 'default', name: 'one' })).spec).toEqual({ host: 'a', port: 1 });
  });

  it('is converted once for all who read it', async () => {
    const before = asked;
    await test.client.list(v2, { namespace: 'default' });
    await test.client.get(v2, { namespace: 'default', name: 'one' });
    expect(asked).toBe(before);
  });

  it('is watched in either, in order', async () => {
    const from = (await test.client.list(v2, {})).metadata.resourceVersion ?? '';
    await test.client.create(v1, lamp('three', 'v1', { address: 'c:3' }));
    await test.client.patch(v1, { namespace: 'default', name: 'three' }, 'application/merge-patch+json', { spec: { address: 'd:4' } });
    await test.client.delete(v1, { namespace: 'default', name: 'three' });
    const seen: string[] = [];
    for await (const batch of test.client.watch(v2, { namespace: 'default', resourceVersion: from, signal: AbortSignal.timeout(20_000) })) {
      for (const { type, object } of batch) if (type !== 'BOOKMARK') seen.push(`${type} ${object.metadata?.name} ${object.spec?.host}:${object.spec?.port}`);
      if (seen.length >= 3) break;
    }
    expect(seen).toEqual(['ADDED three c:3', 'MODIFIED three d:4', 'DELETED three d:4']);
  });

  it('is patched in the version of the request', async () => {
    expect((await test.client.patch(v2, { namespace: 'default', name: 'one' }, 'application/merge-patch+json', { spec: { port: 7 } })).spec).toEqual({ host: 'a', port: 7 });
    expect((await test.client.get(v1, { namespace: 'default', name: 'one' })).spec).toEqual({ address: 'a:7' });
  });

  it('is selected by the fields of the version of the request, whatever is stored', async () => {
    const names = async (kind: typeof v1, fieldSelector: string) => (await test.client.list(kind, of(fieldSelector))).items.map(({ metadata }) => metadata?.name);
    await test.client.create(Namespace, { metadata: { name: 'selected' } });
    const from = (await test.client.list(v2, of('spec.host=a'))).metadata.resourceVersion ?? '';
    const put = (name: string, host: string, port: number) => test.client.create(v2, { ...lamp(name, 'v2', { host, port }), metadata: { name, namespace: 'selected' } });
    await put('one', 'a', 80);
    await put('two', 'a', 8080);
    await put('three', 'b', 80);
    expect(await names(v2, 'spec.host=a')).toEqual(['one', 'two']);
    expect(await names(v2, 'spec.host=a,spec.port=80')).toEqual(['one']);
    expect(await names(v1, 'spec.address=a:8080')).toEqual(['two']);
    expect(await names(v2, 'spec.host!=a')).toEqual(['three']);

    await test.client.deleteCollection(v2, of('spec.host=a,spec.port=80'));
    await test.client.patch(v2, { namespace: 'selected', name: 'two' }, 'application/merge-patch+json', { spec: { host: 'b' } });
    await test.client.patch(v2, { namespace: 'selected', name: 'three' }, 'application/merge-patch+json', { spec: { host: 'a' } });
    expect(await watched(v2, { ...of('spec.host=a'), resourceVersion: from }, 5)).toEqual(['ADDED one', 'ADDED two', 'DELETED one', 'DELETED two', 'ADDED three']);
    expect(await watched(v1, { ...of('spec.address=a:80'), resourceVersion: from }, 3)).toEqual(['ADDED one', 'DELETED one', 'ADDED three']);
    // From the state that is there.
    expect(await watched(v2, of('spec.host=b'), 1)).toEqual(['ADDED two']);
  });

  it('says why it can\'t be converted', async () => {
    refusal = 'out of bulbs';
    await expect(test.client.create(v2, lamp('none', 'v2', { host: 'x', port: 1 }))).rejects.toThrow('conversion webhook for light.example/v2, Kind=Lamp failed: out of bulbs');
    refusal = undefined;
    await test.client.create(v1, lamp('fresh', 'v1', { address: 'f:1' }));
    refusal = 'out of bulbs';
    await expect(test.client.list(v2, { namespace: 'default' })).rejects.toThrow('conversion webhook for light.example/v1, Kind=Lamp failed: out of bulbs');
    refusal = undefined;
    expect((await test.client.list(v2, { namespace: 'default' })).items).toHaveLength(3);
  });

  it('is deleted with its definition while its webhook is silent', async () => {
    refusal = 'out of bulbs';
    await test.client.delete(CustomResourceDefinition, { name: 'lamps.light.example' });
    expect((await test.kubectl('wait', '--for=delete', 'crd/lamps.light.example', '--timeout=20s')).code).toBe(0);
  });
});
