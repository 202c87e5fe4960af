import { afterAll, beforeAll, inject } from 'vitest';
import { kubectlFor } from './coracle.ts';
import type { Kubectl } from './kubectl.ts';

/** kubectl in a namespace of the shared cluster that exists while this file's tests run. */
export function useNamespace(name: string): Kubectl {
  const kubectl = kubectlFor(inject('cluster').dataDir);
  beforeAll(async () => {
    await kubectl`create namespace ${name}`;
  });
  afterAll(async () => {
    await kubectl`delete namespace ${name} --wait=false`;
  });
  return kubectl.with({ namespace: name });
}
