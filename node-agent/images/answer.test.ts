import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { exchange } from './answer.ts';

it('tells a registry without TLS from one that fails at it', async () => {
  await using server = createServer((_request, response) => void response.end()).listen(0, '127.0.0.1');
  await new Promise((resolve) => void server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  const url = `https://127.0.0.1:${port}/v2/app/manifests/1`;
  await expect(exchange({ method: 'GET', url, headers: {} }, AbortSignal.timeout(5000))).rejects.toThrow(
    `failed to do request: Get "${url}": http: server gave HTTP response to HTTPS client: a registry that speaks plain HTTP is named by --insecure-registry`,
  );
});
