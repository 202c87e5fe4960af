import { Namespace } from '../../../machinery/kinds/core.ts';
import type { Kind, KubernetesObject } from '../../../machinery/kinds/kind.ts';
import type { Draft } from '../../../machinery/kinds/wire.ts';
import { ApiError } from '../../../machinery/status.ts';
import type { Decision } from '../../access/access.ts';
import { someone, startTestCluster, type TestCluster } from '../../access/test-cluster.ts';
import { resources } from '../../resources/all.ts';
import { createCodec } from '../../schema/codec.ts';
import { createAdmission, type Admission, type AdmissionPlugin, type Admitted } from '../admission.ts';
import type { VersionsOf } from '../match/versions.ts';
import { resourceOfKind } from './params.ts';
import type { MutatingDependencies } from './mutating-policies.ts';
import type { FollowingPlugin } from './validating-policies.ts';

/** A write that a test has judged, and what came of it. */
export interface Judged {
  readonly object: KubernetesObject;
  readonly error: ApiError | undefined;
  readonly warnings: readonly string[];
  readonly annotations: ReadonlyMap<string, string>;
}

export interface JudgeOptions {
  readonly old?: KubernetesObject;
  readonly operation?: Admitted['operation'];
  readonly subresource?: string;
  readonly user?: Admitted['user'];
  readonly dryRun?: boolean;
}

/** For tests: a store and caches, and a plug-in that follows them. */
export interface PolicyCluster {
  readonly cluster: TestCluster;
  put<T extends KubernetesObject>(kind: Kind<T>, object: T): Promise<void>;
  remove(kind: Kind, at: { readonly namespace?: string; readonly name: string }): Promise<void>;
  judge<T extends KubernetesObject>(kind: Kind<T>, object: T | undefined, options?: JudgeOptions): Promise<Judged>;
  close(): Promise<void>;
}

const versionsOf: VersionsOf = (resource) => resources.filter((one) => (one.storedAs?.resource ?? one) === (resource.storedAs?.resource ?? resource));

const codec = createCodec();
const check: MutatingDependencies['check'] = (resource, value) => codec.check(resource, value, { fieldValidation: 'Ignore', warn: () => undefined });

/** The user `reader` may read; nobody else may do anything. */
function authorize({ name }: Admitted['user'], { verb }: { readonly verb: string }): Decision {
  return { allowed: name === 'reader' && verb === 'get', reason: '' };
}

/** `more`: plug-ins that run after it. */
export async function startPolicyCluster(plugin: (deps: MutatingDependencies) => FollowingPlugin, ...more: readonly AdmissionPlugin[]): Promise<PolicyCluster> {
  const cluster = await startTestCluster();
  const running = plugin({ caches: cluster.caches, authorizer: { authorize }, versionsOf, resourceOfKind: resourceOfKind(() => resources), check });
  await cluster.put(Namespace, { metadata: { name: 'a', labels: { env: 'prod' } }, status: { phase: 'Active' } });
  await cluster.put(Namespace, { metadata: { name: 'b' }, status: { phase: 'Active' } });
  return {
    cluster,
    async put(kind, object) {
      await cluster.put(kind, object);
      await running.caughtUp();
    },
    async remove(kind, at) {
      await cluster.remove(kind, at);
      await running.caughtUp();
    },
    judge: (kind, object, options) => judge(createAdmission([running, ...more]), cluster, kind, object, options ?? {}),
    async close() {
      running.close();
      await cluster.close();
    },
  };
}

async function judge(
  admission: Admission, { caches }: TestCluster, kind: Kind, object: KubernetesObject | undefined,
  { old, operation = 'CREATE', subresource = '', user = someone('admin'), dryRun = false }: JudgeOptions,
): Promise<Judged> {
  const resource = resources.find((one) => one.group === kind.group && one.version === kind.version && one.plural === kind.plural);
  if (resource === undefined) throw new Error(`no resource ${kind.plural}`);
  const { namespace = '', name = '' } = (object ?? old)?.metadata ?? {};
  const warnings: string[] = [];
  const annotations = new Map<string, string>();
  const write: Admitted = {
    operation, resource, subresource, namespace, name, user, old, caches, dryRun, options: { kind: 'CreateOptions' },
    warn: (text) => { warnings.push(text); }, annotate: (key, value) => { annotations.set(key, value); }, signal: AbortSignal.timeout(30_000),
  };
  const draft = structuredClone(object ?? {}) as Draft<KubernetesObject>;
  let error: ApiError | undefined;
  try {
    if (operation !== 'DELETE') await admission.mutate(write, draft);
    await admission.validate(write, operation === 'DELETE' ? undefined : draft);
  } catch (problem) {
    if (!(problem instanceof ApiError)) throw problem;
    error = problem;
  }
  return { object: draft, error, warnings, annotations };
}
