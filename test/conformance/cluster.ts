/** The shared control plane as a conformance test sees it: through real clients only. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, inject } from 'vitest';
import { createClient, type Client } from '../../client/client.ts';
import { httpsTransport, type HttpsTransport } from '../../client/https.ts';
import { readKubeconfig } from '../../client/kubeconfig.ts';
import { Namespace } from '../../machinery/kinds/core.ts';
import { kubectlFor } from '../e2e/coracle.ts';
import type { Kubectl } from '../e2e/kubectl.ts';

export interface ConformanceCluster {
  readonly client: Client;
  readonly transport: HttpsTransport;
  /** kubectl 1.36, in the file's namespace. */
  readonly kubectl: Kubectl;
  /** This file's own. */
  readonly namespace: string;
}

/** To be called at the top of a file: its namespace exists while its tests run. The fields may be read inside tests. */
export function useCluster(name: string): ConformanceCluster {
  const namespace = `${name}-${randomBytes(3).toString('hex')}`;
  let transport: HttpsTransport | undefined;
  let client: Client | undefined;
  beforeAll(async () => {
    transport = httpsTransport(await readKubeconfig(join(inject('controlPlane'), 'admin.kubeconfig')));
    client = createClient(transport);
    await client.create(Namespace, { metadata: { name: namespace } });
  });
  afterAll(async () => {
    await client?.delete(Namespace, { name: namespace });
    transport?.close();
  });
  return {
    namespace,
    get client() {
      return ready(client);
    },
    get transport() {
      return ready(transport);
    },
    get kubectl() {
      return kubectlFor(inject('controlPlane')).with({ namespace });
    },
  };
}

function ready<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('the cluster is there inside tests and hooks only');
  return value;
}
