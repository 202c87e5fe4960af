import { architectureOf } from '../machinery/architecture.ts';
import { messageOf } from '../machinery/thrown.ts';
import { issuerDocuments } from './access/issuer-documents.ts';
import type { Pki } from './access/pki.ts';
import type { ExtensionOpenApi } from './aggregation/extension-openapi.ts';
import type { Extensions } from './aggregation/extensions.ts';
import { openApiPages } from './discovery/openapi-pages.ts';
import { createPages } from './discovery/pages.ts';
import type { Build } from './discovery/version.ts';
import type { RequestMetrics } from './http/metrics.ts';
import type { Edge } from './http/serve.ts';
import type { Registry } from './registry.ts';
import type { Caches } from './store/cache.ts';

export interface ServerPagesOptions {
  readonly pki: Pick<Pki, 'serviceAccountKeys'>;
  readonly build: Build | undefined;
  readonly registry: Registry;
  readonly caches: Caches;
  readonly metrics: RequestMetrics;
  readonly extensions: Extensions;
  /** `10.0.0.1:6443`: how callers reach the server. */
  readonly serverAddress: () => string;
  readonly extensionOpenApi: ExtensionOpenApi;
  /** Has every cluster's own been written? */
  readonly isSeeded: () => boolean;
}

/** What is served beside the resources: discovery, OpenAPI, health, metrics, the keys of tokens. */
export function serverPages({ pki, build, registry, caches, metrics, extensions, extensionOpenApi, serverAddress, isSeeded }: ServerPagesOptions): Edge['page'] {
  return createPages({
    registry, metrics, serverAddress, extensions: () => extensions.versions,
    build: build ?? { version: '0.0.0', nodeVersion: process.versions.node, platform: `linux/${architectureOf(process.arch)}` },
    checks: [
      { name: 'ping', live: true, problem: () => undefined },
      { name: 'etcd', live: true, problem: () => storeProblem(caches) },
      { name: 'poststarthook/rbac/bootstrap-roles', live: false, problem: () => (isSeeded() ? undefined : 'not finished') },
      { name: 'informer-sync', live: false, problem: () => storeProblem(caches) },
    ],
    openApi: openApiPages(registry, extensionOpenApi),
    issuer: () => issuerDocuments(pki.serviceAccountKeys, `https://${serverAddress()}`),
  });
}

const checkMs = 5000;

async function storeProblem(caches: Caches): Promise<string | undefined> {
  try {
    await caches.waitForNewest(AbortSignal.timeout(checkMs));
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}
