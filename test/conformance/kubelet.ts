/** A node without a machine. What its kubelet would say of the pods that are placed there is said through the API, with a node's rights. */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject } from 'vitest';
import { createClient } from '../../client/client.ts';
import { httpsTransport } from '../../client/https.ts';
import { readKubeconfig } from '../../client/kubeconfig.ts';
import { Node, Pod, type PodSpec } from '../../machinery/kinds/core.ts';
import { isReady } from '../../machinery/pod/readiness.ts';
import { eventually } from '../e2e/eventually.ts';
import { unique } from './definitions.ts';
import { call } from './raw.ts';

export interface PlayedNode {
  readonly name: string;
  /** What puts a pod onto this node; no other pod comes there. */
  readonly place: Pick<PodSpec, 'nodeSelector' | 'tolerations'>;
}

/**
 * To be called at the top of a file, above `useCluster`: the node outlives the pods. Its pods run and are ready at once, unless `staysUnready`
 * says no; when they are deleted, they go at once.
 */
export function useNode({ staysUnready = () => false }: { readonly staysUnready?: (pod: Pod) => boolean } = {}): PlayedNode {
  const name = unique('played');
  const stop = new AbortController();
  let played: Promise<void> | undefined;
  let addresses = 0;

  const asNode = async (method: string, path: string, body: object): Promise<void> => {
    const headers = { 'impersonate-user': `system:node:${name}`, 'impersonate-group': 'system:nodes', ...(method === 'PATCH' ? { 'content-type': 'application/strategic-merge-patch+json' } : {}) };
    const { code, text } = await call(method, path, { headers, body });
    // Whoever deletes a pod may be faster.
    if (code >= 400 && code !== 404 && code !== 409) throw new Error(`${method} ${path} as the node: ${code} ${text}`);
  };
  const tell = async (pod: Pod): Promise<void> => {
    const { namespace = '', name: podName = '', deletionTimestamp, uid } = pod.metadata ?? {};
    const path = `/api/v1/namespaces/${namespace}/pods/${podName}`;
    if (deletionTimestamp !== undefined) {
      await asNode('DELETE', path, { kind: 'DeleteOptions', apiVersion: 'v1', gracePeriodSeconds: 0, preconditions: { uid } });
    } else if (pod.status?.podIP === undefined || isReady(pod) === staysUnready(pod)) {
      const ip = pod.status?.podIP ?? `10.99.0.${(addresses += 1)}`;
      const conditions = ['Ready', 'ContainersReady'].map((type) => ({ type, status: staysUnready(pod) ? 'False' : 'True', lastTransitionTime: '2026-01-01T00:00:00Z' }));
      await asNode('PATCH', `${path}/status`, { metadata: { uid }, status: { phase: 'Running', hostIP: '10.99.1.1', podIP: ip, podIPs: [{ ip }], conditions } });
    }
  };

  beforeAll(async () => {
    const transport = httpsTransport(await readKubeconfig(join(inject('controlPlane'), 'admin.kubeconfig')));
    const client = createClient(transport);
    await client.create(Node, { metadata: { name, labels: { 'kubernetes.io/hostname': name } }, spec: { taints: [{ key: 'played', effect: 'NoSchedule' }] } });
    const amounts = { cpu: '16', memory: '64Gi', pods: '110', 'ephemeral-storage': '100Gi' };
    await asNode('PATCH', `/api/v1/nodes/${name}/status`, { status: { capacity: amounts, allocatable: amounts, conditions: [{ type: 'Ready', status: 'True', reason: 'Played', message: 'by a test' }] } });
    played = (async () => {
      try {
        for await (const batch of client.watch(Pod, { fieldSelector: `spec.nodeName=${name}`, signal: stop.signal })) {
          for (const { type, object } of batch) if (type === 'ADDED' || type === 'MODIFIED') await tell(object);
        }
      } catch (error) {
        if (!stop.signal.aborted) throw error;
      } finally {
        transport.close();
      }
    })();
    // Heard at the end; until then it is no unhandled rejection.
    played.catch(() => undefined);
  });

  afterAll(async () => {
    const transport = httpsTransport(await readKubeconfig(join(inject('controlPlane'), 'admin.kubeconfig')));
    const client = createClient(transport);
    try {
      const left = eventually(async () => expect((await client.list(Pod, { fieldSelector: `spec.nodeName=${name}` })).items.map(({ metadata }) => metadata?.name)).toEqual([]));
      await Promise.race([left, played]);
    } finally {
      stop.abort();
      await client.delete(Node, { name });
      transport.close();
    }
    await played;
  });

  return { name, place: { nodeSelector: { 'kubernetes.io/hostname': name }, tolerations: [{ operator: 'Exists' }] } };
}
