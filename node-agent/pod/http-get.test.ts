import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { httpGet, portOf } from './http-get.ts';

let server: Server;
let port: number;
let asked: string[];

/** What each path answers; a number is the only answer, a text where it leads. */
const answers: Readonly<Record<string, number | string>> = {
  '/fine': 200, '/broken': 503, '/to-fine': '/fine', '/to-broken': 'broken?x=1', '/broken?x=1': 503, '/round': '/round', '/elsewhere': 'http://other.example/broken', '/unreadable': 'http://', '/nowhere': 302,
};

beforeAll(async () => {
  server = createServer((request, response) => {
    asked.push(`${request.url ?? ''} ${request.headers['x-asked'] ?? ''} ${request.headers.host ?? ''}`);
    const answer = answers[request.url ?? ''] ?? 404;
    if (typeof answer === 'number') response.writeHead(answer).end('body');
    else response.writeHead(302, { location: answer }).end();
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
});
afterAll(() => void server.close());

const get = (path: string, headers: readonly { readonly name: string; readonly value: string }[] = []) => {
  asked = [];
  return httpGet({ scheme: 'HTTP', host: '127.0.0.1', port, path, headers, deadlineMs: 5000, signal: new AbortController().signal });
};

describe('a GET for a probe or a hook', () => {
  it.each([
    ['an answer', '/fine', 200], ['a path without its slash', 'fine', 200], ['a redirect on the same host', '/to-fine', 200], ['one that leads to a failure', '/to-broken', 503],
    ['one to another host, which is not asked', '/elsewhere', 302], ['one to nowhere', '/nowhere', 302], ['one that can\'t be read', '/unreadable', 302],
  ])('ends with %s', async (_what, path, code) => {
    expect(await get(path)).toMatchObject({ code });
  });

  it.each([['//other.example/x', '//other.example/x'], ['/\\other.example/x', '//other.example/x']])('asks the host that it is for, whatever its path looks like: %s', async (path, url) => {
    expect(await get(path)).toEqual({ code: 404, body: 'body' });
    expect(asked).toEqual([`${url}  127.0.0.1:${port}`]);
  });

  it('sends its headers along, the host that it names too', async () => {
    expect(await get('/to-fine', [{ name: 'X-Asked', value: 'by us' }, { name: 'Host', value: 'shop.example' }])).toEqual({ code: 200, body: 'body' });
    expect(asked).toEqual(['/to-fine by us shop.example', '/fine by us shop.example']);
  });

  it('gives up on redirects that lead in circles', async () => {
    await expect(get('/round')).rejects.toThrow('stopped after 10 redirects');
  });
});

it('a port is a number, or a name among the container\'s ports', () => {
  const container = { name: 'a', ports: [{ name: 'http', containerPort: 8080 }] };
  expect([portOf(container, 80), portOf(container, '81'), portOf(container, 'http')]).toEqual([80, 81, 8080]);
  expect(() => portOf(container, 'https')).toThrow('couldn\'t find port: "https"');
});
