/** The floor of `api.ts` for long answers: a server over the same TLS that sends bytes which it has ready, in slices of the API server's size. */
import { createServer } from 'node:https';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';

const [dataDir = '.', bytes = '0'] = process.argv.slice(2);
const sliceBytes = 256 * 1024;
const slice = Buffer.alloc(sliceBytes, ' ');

function* slices(): Generator<Buffer> {
  for (let left = Number(bytes); left > 0; left -= sliceBytes) yield left < sliceBytes ? slice.subarray(0, left) : slice;
}

const [cert, key] = await Promise.all(['crt', 'key'].map((part) => readFile(join(dataDir, 'pki', `apiserver.${part}`))));
const server = createServer({ cert, key, ciphers: 'TLS_AES_128_GCM_SHA256' }, (_request, response) => {
  response.writeHead(200, { 'content-type': 'application/json' });
  Readable.from(slices()).pipe(response);
});
server.listen(0, '127.0.0.1', () => { process.stdout.write(`${(server.address() as AddressInfo).port}\n`); });
