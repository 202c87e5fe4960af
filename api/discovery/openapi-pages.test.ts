import { expect, it } from 'vitest';
import { parseTarget } from '../http/request-info.ts';
import { resources } from '../resources/all.ts';
import { openApiPages } from './openapi-pages.ts';

const made = Buffer.from('{"openapi":"3.0.0","info":{"title":"apis/old.io/v1"}}');
const page = openApiPages({ resources }, {
  parts: async () => [], isMade: (path) => path === '/openapi/v3/apis/old.io/v1',
  documents: async () => new Map([['apis/old.io/v1', { made }], ['apis/new.io/v1', { url: '/openapi/v3/apis/new.io/v1?hash=1' }]]),
});

async function get(path: string) {
  const answer = await page(parseTarget('GET', path), {});
  if (answer === undefined) throw new Error(`${path} is no page of OpenAPI`);
  return answer;
}

it('tells where the documents of extension servers are, and serves those that are made for them', async () => {
  const { paths } = JSON.parse((await get('/openapi/v3')).body.toString()) as { readonly paths: Readonly<Record<string, { readonly serverRelativeURL: string }>> };
  expect(paths['apis/new.io/v1']).toEqual({ serverRelativeURL: '/openapi/v3/apis/new.io/v1?hash=1' });
  expect(paths).toHaveProperty(['apis/apps/v1']);
  const url = paths['apis/old.io/v1']?.serverRelativeURL ?? '';
  const { body, headers } = await get(url);
  expect(body).toEqual(made);
  expect(headers).toMatchObject({ etag: `"${url.split('hash=')[1]}"`, 'cache-control': expect.stringContaining('immutable') as unknown });
  await expect(get('/openapi/v3/apis/none.io/v1')).rejects.toThrow('the server could not find the requested resource');
});
