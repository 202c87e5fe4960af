import { join } from 'node:path';
import type { Pki } from '../../api/access/pki.ts';
import { writeKubeconfig } from '../../client/kubeconfig.ts';
import type { User } from '../../api/request.ts';
import { replaceFile } from '../../node-agent/replace-file.ts';

/** Who the holder of the kubeconfig is. */
export const admin: User = { name: 'kubernetes-admin', groups: ['system:masters'] };

/** Writes `<data-dir>/admin.kubeconfig`, mode 0600: a client certificate of `system:masters`. Returns its path. */
export async function writeAdminKubeconfig(dataDir: string, pki: Pki, url: string, cluster: string): Promise<string> {
  const { certPem, keyPem } = await pki.clientCertificate({ commonName: admin.name, organizations: admin.groups });
  const path = join(dataDir, 'admin.kubeconfig');
  const text = writeKubeconfig({ cluster, user: 'admin', credentials: { server: url, ca: pki.caPem, cert: certPem, key: keyPem } });
  await replaceFile(path, text);
  return path;
}
