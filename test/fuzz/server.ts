/** The server that is fuzzed, in a process of its own; its caller may do everything, whatever roles the fuzzer deletes. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ensureServerToken, openPki } from '../../api/access/pki.ts';
import { createApiServer } from '../../api/server.ts';
import { keepMemorySmall } from '../../cli/run/memory.ts';
import { openEmbedded } from '../../api/store/embedded.ts';

const dataDir = process.argv[2];
if (dataDir === undefined) throw new Error('which directory?');
const store = await openEmbedded({ path: join(dataDir, 'store') });
const pki = await openPki(store, { dataDir, token: await ensureServerToken(dataDir), now: Date.now });
const server = await createApiServer({ store, pki, address: '127.0.0.1', port: 0, onError: (what, error) => { console.error(what, error); } });
const { certPem, keyPem } = await pki.clientCertificate({ commonName: 'fuzzer', organizations: ['system:masters'] });
await writeFile(join(dataDir, 'client.json'), JSON.stringify({ port: server.port, ca: pki.caPem, cert: certPem, key: keyPem }));
// As `coracle server` does.
keepMemorySmall();
process.stdout.write('ready\n');
process.once('SIGTERM', () => void server.close().then(() => store.close()).then(() => process.exit(0)));
