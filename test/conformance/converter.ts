/** A conversion webhook: `{ hostPort: 'a:1' }` in v1 is `{ host: 'a', port: '1' }` in v2. */
import type { DefinitionConversion, DefinitionVersion } from '../../machinery/kinds/apiextensions.ts';
import type { CustomObject } from './definitions.ts';
import { startHttpsServer } from './https-server.ts';

interface Review {
  readonly request: { readonly uid: string; readonly desiredAPIVersion: string; readonly objects: readonly CustomObject[] };
}

export interface Converter extends AsyncDisposable {
  readonly conversion: DefinitionConversion;
}

const version = (name: string, storage: boolean, ...fields: readonly string[]): Partial<DefinitionVersion> & { readonly name: string } => ({
  name, storage, selectableFields: fields.map((field) => ({ jsonPath: `.${field}` })),
  schema: { openAPIV3Schema: { type: 'object', properties: Object.fromEntries(fields.map((field) => [field, { type: 'string' }])) } },
});

export const hostPortVersions = [version('v1', true, 'hostPort'), version('v2', false, 'host', 'port')];

export async function startConverter(): Promise<Converter> {
  const server = await startHttpsServer(({ text }) => {
    const { request: { uid, desiredAPIVersion, objects } } = JSON.parse(text) as Review;
    const convertedObjects = objects.map((object) => converted(object, desiredAPIVersion));
    return { body: { kind: 'ConversionReview', apiVersion: 'apiextensions.k8s.io/v1', response: { uid, result: { status: 'Success' }, convertedObjects } } };
  });
  return {
    conversion: { strategy: 'Webhook', webhook: { conversionReviewVersions: ['v1', 'v1beta1'], clientConfig: { url: `${server.url}/crdconvert`, caBundle: server.caBundle } } },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

function converted({ hostPort, host, port, ...rest }: CustomObject, apiVersion: string): CustomObject {
  if (apiVersion.endsWith('/v1')) return { ...rest, apiVersion, ...(host === undefined ? { hostPort } : { hostPort: port === undefined ? host : `${String(host)}:${String(port)}` }) };
  const [name, number] = typeof hostPort === 'string' ? hostPort.split(':') : [host, port];
  return { ...rest, apiVersion, host: name, ...(number === undefined ? {} : { port: number }) };
}
