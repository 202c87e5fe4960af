import { join } from 'node:path';
import type { Pki } from '../../api/access/pki.ts';
import { writeKubeconfig } from '../../client/kubeconfig.ts';
import { writeDurably } from '../data-dir.ts';

/** Writes `<data-dir>/admin.kubeconfig`, mode 0600: a client certificate of `system:masters`. Returns its path. */
export async function writeAdminKubeconfig(dataDir: string, pki: Pki, url: string, cluster: string): Promise<string> {
  const { certPem, keyPem } = await pki.clientCertificate({ commonName: 'kubernetes-admin', organizations: ['system:masters'] });
  const path = join(dataDir, 'admin.kubeconfig');
  const text = writeKubeconfig({ cluster, user: 'admin', credentials: { server: url, ca: pki.caPem, cert: certPem, key: keyPem } });
  await writeDurably(path, text, 0o600);
  return path;
}
