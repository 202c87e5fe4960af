import { describe, expect, it } from 'vitest';
import type { KubernetesObject } from '../../machinery/kinds/kind.ts';
import { remoteConversionOf } from './conversion.ts';

const lamp = { apiVersion: 'light.example/v1', kind: 'Lamp', metadata: { name: 'a', uid: 'u' } };
const converted = { ...lamp, apiVersion: 'light.example/v2', spec: { watts: 5 } };

/** Asks a webhook that answers so. */
async function convert(answer: object, versions: readonly string[] = ['v1'], asked: (review: unknown) => void = () => undefined): Promise<readonly KubernetesObject[] | undefined> {
  const webhooks = { call: (_config: object, review: object) => { asked(review); return Promise.resolve(answer); }, close: () => undefined };
  const conversion = remoteConversionOf({ strategy: 'Webhook', webhook: { clientConfig: { url: 'https://a.example' }, conversionReviewVersions: versions } }, { webhooks, uuid: () => '1' });
  return await conversion?.convert([lamp], 'light.example/v2');
}

const answer = (response: object, apiVersion = 'apiextensions.k8s.io/v1') => ({ kind: 'ConversionReview', apiVersion, response: { uid: '1', result: { status: 'Success' }, convertedObjects: [converted], ...response } });

describe('a conversion by a webhook', () => {
  it('is asked for in the first version that both know', async () => {
    const reviews: unknown[] = [];
    const note = (review: unknown): void => { reviews.push(review); };
    await convert(answer({}), ['v3', 'v1', 'v1beta1'], note);
    expect(await convert({ response: { result: { status: 'Success' }, convertedObjects: [converted] } }, ['v1beta1', 'v1'], note)).toEqual([converted]);
    const request = { uid: '1', desiredAPIVersion: 'light.example/v2', objects: [lamp] };
    expect(reviews).toEqual(['v1', 'v1beta1'].map((version) => ({ kind: 'ConversionReview', apiVersion: `apiextensions.k8s.io/${version}`, request })));
  });

  it.each([
    ['of another kind', { ...answer({}), kind: 'Pod' }, 'expected webhook response of apiextensions.k8s.io/v1, Kind=ConversionReview, got apiextensions.k8s.io/v1, Kind=Pod'],
    ['of nothing', { kind: 'ConversionReview', apiVersion: 'apiextensions.k8s.io/v1' }, 'no response provided'],
    ['to another question', answer({ uid: '2' }), 'expected response.uid="1", got "2"'],
    ['without a result', answer({ result: {} }), "response.result.status was '', not 'Success'"],
    ['that refuses', answer({ result: { status: 'Failure', message: 'out of bulbs' } }), 'out of bulbs'],
    ['with too few objects', answer({ convertedObjects: [] }), 'webhook returned 0 objects, expected 1'],
    ['in another version', answer({ convertedObjects: [lamp] }), 'invalid groupVersion (expected light.example/v2, received light.example/v1)'],
    ['of another object', answer({ convertedObjects: [{ ...converted, metadata: { name: 'b', uid: 'u' } }] }), 'must have the same name'],
  ])('fails with an answer %s', async (_of, wrong, why) => {
    await expect(convert(wrong)).rejects.toThrow('conversion webhook for light.example/v1, Kind=Lamp failed: ');
    await expect(convert(wrong)).rejects.toThrow(why);
  });

  it('changes labels and annotations only of what is known of an object', async () => {
    const changed = { ...converted, metadata: { name: 'a', uid: 'u', labels: { a: 'b' }, generation: 9 } };
    expect(await convert(answer({ convertedObjects: [changed] }))).toEqual([{ ...converted, metadata: { name: 'a', uid: 'u', labels: { a: 'b' } } }]);
  });
});
