/** The server of `api.ts` in a process of its own, as users have it: TLS, client certificates, roles, fsync before the answer. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ensureServerToken, openPki } from '../api/access/pki.ts';
import { createApiServer } from '../api/server.ts';
import { openEmbedded } from '../api/store/embedded.ts';

const dataDir = process.argv[2];
if (dataDir === undefined) throw new Error('which directory?');
const store = await openEmbedded({ path: join(dataDir, 'store') });
const pki = await openPki(store, { dataDir, token: await ensureServerToken(dataDir), now: Date.now });
const server = await createApiServer({ store, pki, address: '127.0.0.1', port: 0, onError: (what, error) => { console.error(what, error); } });
// A user whose rights come of a role: authorization is part of what is measured.
await server.localTransport({ name: 'bench', groups: ['system:masters'] }).request({
  verb: 'create', group: 'rbac.authorization.k8s.io', version: 'v1', resource: 'clusterrolebindings',
  body: {
    metadata: { name: 'bench' }, roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'bench' }],
  },
});
const { certPem, keyPem } = await pki.clientCertificate({ commonName: 'bench', organizations: [] });
await writeFile(join(dataDir, 'client.json'), JSON.stringify({ port: server.port, ca: pki.caPem, cert: certPem, key: keyPem }));
process.stdout.write('ready\n');
process.once('SIGTERM', () => void server.close().then(() => store.close()).then(() => process.exit(0)));
