import { isDeepStrictEqual } from 'node:util';
import type { ClusterRole, ClusterRoleBinding, PolicyRule } from '../machinery/kinds/cluster.ts';
import type { CustomResourceDefinition } from '../machinery/kinds/apiextensions.ts';
import type { Service } from '../machinery/kinds/core.ts';
import { apiVersionOf, type KubernetesObject } from '../machinery/kinds/kind.ts';
import type { Draft } from '../machinery/kinds/wire.ts';
import { follow } from './access/follow.ts';
import { defaultBindings, defaultRoles, rule, type DefaultRole } from './access/default-roles.ts';
import { serviceAddress, type Pki } from './access/pki.ts';
import { notCovered } from './access/rules.ts';
import { imagePolicyDefinition } from './custom-resources/image-policy.ts';
import { trackCreate, trackUpdate, writeAs } from './field-management/track.ts';
import { stampNew } from './handlers/metadata.ts';
import { handlerKey, type Companions, type Writer } from './handlers/writer.ts';
import { customResourceDefinition } from './resources/apiextensions/custom-resource-definition.ts';
import { configMap } from './resources/core/config-map.ts';
import { namespace } from './resources/core/namespace.ts';
import { service } from './resources/core/service.ts';
import type { Resource } from './resources/define.ts';
import { flowSchemas, mandatory, priorityLevels, type DefaultObject } from './resources/flowcontrol/defaults.ts';
import { flowSchema } from './resources/flowcontrol/flow-schema.ts';
import { priorityLevelConfiguration } from './resources/flowcontrol/priority-level-configuration.ts';
import { clusterRoleBinding } from './resources/rbac/cluster-role-binding.ts';
import { clusterRole } from './resources/rbac/cluster-role.ts';
import { roleBinding } from './resources/rbac/role-binding.ts';
import { role } from './resources/rbac/role.ts';
import { priorityClass } from './resources/scheduling/priority-class.ts';
import type { Entry } from './store/cache.ts';

/**
 * What every cluster has: namespaces, priority classes, roles, the way to the API. Looked over at each start: what is missing
 * is made, permissions that a newer version needs are added, what users changed otherwise stays. Nothing to do costs no write.
 */

export interface BootstrapOptions {
  readonly writer: Writer;
  readonly pki: Pick<Pki, 'caPem' | 'frontProxyCaPem'>;
  /** Where nodes and people reach the API: `https://192.0.2.1:6443`. */
  readonly url: string;
  readonly signal: AbortSignal;
}

/** One object that must be there, and what of it is put right when it is. */
export interface Seed {
  readonly resource: Resource;
  readonly object: KubernetesObject;
  /** The corrected object; undefined: it is well as it is. Absent: whoever changed it knows better. */
  readonly repair?: (present: KubernetesObject) => KubernetesObject | undefined;
}

/** Objects a transaction: it holds 128 compares and writes together, and few objects bring companions. */
const batchSize = 60;
/** Servers that start at the same time write the same seeds: who loses looks again. */
const attempts = 8;
const keeperMs = 30_000;

/** Brings about what every cluster has. Throws when the store does, or `signal` aborts. */
export async function bootstrap({ writer, pki, url, signal }: BootstrapOptions): Promise<void> {
  await settle(writer, seeds(pki, url), signal);
}

/** Brings `wanted` about: what is missing is made, what is there is put right. Throws when the store does, or `signal` aborts. */
export async function settle(writer: Writer, wanted: readonly Seed[], signal: AbortSignal): Promise<void> {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const changes = (await Promise.all(wanted.map((seed) => changeFor(writer, seed)))).filter((change) => change !== undefined);
    if (changes.length === 0) return;
    for (let start = 0; start < changes.length; start += batchSize) {
      const batch = changes.slice(start, start + batchSize);
      await writer.store.commit({ compares: batch.flatMap(({ compares }) => compares), writes: batch.flatMap(({ writes }) => writes) });
    }
    await writer.caches.waitForNewest(signal);
  }
  throw new Error('the objects that every cluster has could not be written: another server keeps changing them');
}

export interface KeeperOptions extends Pick<BootstrapOptions, 'writer' | 'url'> {
  readonly report: (error: unknown) => void;
}

/** Makes the Service `kubernetes` again when somebody deletes it: pods find the API by it. */
export function keepKubernetesService({ writer, url, report }: KeeperOptions): { close(): Promise<void> } {
  let working: Promise<void> = Promise.resolve();
  const following = follow(writer.caches, service, {
    reset: () => undefined,
    set: () => undefined,
    remove({ namespace: home, name }) {
      if (home !== 'default' || name !== 'kubernetes') return;
      working = working.then(() => settle(writer, [kubernetesService(url)], AbortSignal.timeout(keeperMs))).catch(report);
    },
  });
  return {
    async close() {
      following.close();
      await working;
    },
  };
}

async function changeFor(writer: Writer, { resource, object, repair }: Seed): Promise<Companions | undefined> {
  const { namespace: home, name = '' } = object.metadata ?? {};
  const cache = writer.caches.of(resource);
  const present: Entry | undefined = cache.get(home, name);
  const key = cache.keyOf(home, name);
  if (present !== undefined) {
    const repaired = repair?.(present.exact);
    if (repaired === undefined) return undefined;
    const draft = structuredClone(repaired) as Draft<KubernetesObject>;
    trackUpdate(writeAs('kube-apiserver', writer, resource), draft, present.exact);
    return { compares: [{ key, revision: present.revision }], writes: [{ type: 'put', key, value: writer.codec.encode(resource, draft) }] };
  }
  const draft = newObject(writer, resource, object);
  const companions = await writer.companions?.get(handlerKey(resource))?.create(draft);
  return {
    compares: [{ key, revision: 0 }, ...(companions?.compares ?? [])],
    writes: [{ type: 'put', key, value: writer.codec.encode(resource, draft) }, ...(companions?.writes ?? [])],
  };
}

function newObject(writer: Writer, resource: Resource, object: KubernetesObject): Draft<KubernetesObject> {
  const draft = structuredClone(object) as Draft<KubernetesObject>;
  stampNew(writer, resource, draft);
  resource.defaults?.(draft);
  trackCreate(writeAs('kube-apiserver', writer, resource), draft);
  resource.prepareForCreate?.(draft);
  return draft;
}

/** Everything that a cluster starts with, in the order of writing. */
export function seeds(pki: BootstrapOptions['pki'], url: string): readonly Seed[] {
  return [
    ...['default', 'kube-system', 'kube-public', 'kube-node-lease'].map((name): Seed => ({ resource: namespace, object: named(namespace, name) })),
    ...priorityClasses(),
    ...flowControl(),
    ...defaultRoles.map(roleSeed),
    ...defaultBindings.map((binding) => bindingSeed(binding.name, binding.role, binding.subjects)),
    ...publicInformation(pki, url),
    kubernetesService(url),
    definitionSeed(imagePolicyDefinition),
  ];
}

/** A kind of our own: what its schema says is decided by this version. */
function definitionSeed(definition: CustomResourceDefinition): Seed {
  return {
    resource: customResourceDefinition, object: definition,
    repair: (present) => {
      const wanted = structuredClone(definition) as Draft<CustomResourceDefinition>;
      customResourceDefinition.defaults?.(wanted);
      return isDeepStrictEqual(Reflect.get(present, 'spec'), wanted.spec) ? undefined : ({ ...present, spec: wanted.spec } as KubernetesObject);
    },
  };
}

function named(resource: Resource, name: string, more: Partial<KubernetesObject['metadata']> = {}): KubernetesObject {
  return { apiVersion: apiVersionOf(resource), kind: resource.kind, metadata: { name, ...more } };
}

function priorityClasses(): Seed[] {
  return [
    priorityClassSeed('system-cluster-critical', 2_000_000_000, 'Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.'),
    priorityClassSeed('system-node-critical', 2_000_001_000, 'Used for system critical pods that must not be moved from their current node.'),
  ];
}

function priorityClassSeed(name: string, value: number, description: string): Seed {
  return { resource: priorityClass, object: { ...named(priorityClass, name), value, description, preemptionPolicy: 'PreemptLowerPriority' } as KubernetesObject };
}

const specAutoUpdate = 'apf.kubernetes.io/autoupdate-spec';

/** Priority levels and flow schemas. Whoever takes the annotation to `false` keeps their own spec, unless the object is mandatory. */
function flowControl(): Seed[] {
  return [
    ...priorityLevels.map((one) => flowControlSeed(priorityLevelConfiguration, one)),
    ...flowSchemas.map((one) => flowControlSeed(flowSchema, one)),
  ];
}

function flowControlSeed(resource: Resource, { name, spec }: DefaultObject<object>): Seed {
  const object = { ...named(resource, name, { annotations: { [specAutoUpdate]: 'true' } }), spec } as KubernetesObject;
  return {
    resource, object,
    repair: (present) => {
      const isOurs = present.metadata?.annotations?.[specAutoUpdate] === 'true' || mandatory.includes(name);
      return !isOurs || isDeepStrictEqual(Reflect.get(present, 'spec'), spec) ? undefined : ({ ...present, spec } as KubernetesObject);
    },
  };
}

const autoUpdate = 'rbac.authorization.kubernetes.io/autoupdate';
const defaultsLabel = { 'kubernetes.io/bootstrapping': 'rbac-defaults' };

function roleSeed({ name, rules, labels, aggregates }: DefaultRole): Seed {
  const object: ClusterRole = {
    ...named(clusterRole, name, { labels: { ...defaultsLabel, ...labels }, annotations: { [autoUpdate]: 'true' } }),
    ...(aggregates === undefined ? {} : { aggregationRule: { clusterRoleSelectors: [{ matchLabels: { [aggregates]: 'true' } }] } }),
    rules,
  };
  return { resource: clusterRole, object, repair: (present) => repairRole(present, object, rules) };
}

/** Adds permissions and labels that are missing, unless the role's owner forbids it by the annotation. */
function repairRole(present: ClusterRole, wanted: ClusterRole, rules: readonly PolicyRule[]): ClusterRole | undefined {
  if (present.metadata?.annotations?.[autoUpdate] === 'false') return undefined;
  const aggregated = wanted.aggregationRule !== undefined;
  const missing = aggregated ? [] : notCovered(present.rules ?? [], rules);
  const labels = { ...present.metadata?.labels, ...wanted.metadata?.labels };
  const sameRule = !aggregated || isDeepStrictEqual(present.aggregationRule, wanted.aggregationRule);
  if (missing.length === 0 && sameRule && isDeepStrictEqual(labels, present.metadata?.labels)) return undefined;
  return {
    ...present, metadata: { ...present.metadata, labels }, rules: [...(present.rules ?? []), ...missing],
    ...(wanted.aggregationRule === undefined ? {} : { aggregationRule: wanted.aggregationRule }),
  };
}

function bindingSeed(name: string, roleName: string, subjects: readonly { readonly kind: string; readonly name: string }[]): Seed {
  const apiGroup = clusterRole.group;
  const object: ClusterRoleBinding = {
    ...named(clusterRoleBinding, name, { labels: defaultsLabel, annotations: { [autoUpdate]: 'true' } }),
    roleRef: { apiGroup, kind: 'ClusterRole', name: roleName },
    ...(subjects.length === 0 ? {} : { subjects: subjects.map((subject) => ({ apiGroup, ...subject })) }),
  };
  return { resource: clusterRoleBinding, object, repair: (present) => repairBinding(present as ClusterRoleBinding, object) };
}

function repairBinding(present: ClusterRoleBinding, wanted: ClusterRoleBinding): ClusterRoleBinding | undefined {
  if (present.metadata?.annotations?.[autoUpdate] === 'false') return undefined;
  const bound = present.subjects ?? [];
  const missing = (wanted.subjects ?? []).filter(({ kind, name }) => !bound.some((one) => one.kind === kind && one.name === name));
  return missing.length === 0 ? undefined : { ...present, subjects: [...bound, ...missing] };
}

/** By what a stranger knows the cluster: the authorities and the address. Source: "Configure the aggregation layer"; "cluster-info", kubeadm's join. */
function publicInformation(pki: BootstrapOptions['pki'], url: string): Seed[] {
  const authentication = {
    'client-ca-file': pki.caPem,
    'requestheader-allowed-names': '["front-proxy-client"]',
    'requestheader-client-ca-file': pki.frontProxyCaPem,
    'requestheader-extra-headers-prefix': '["X-Remote-Extra-"]',
    'requestheader-group-headers': '["X-Remote-Group"]',
    'requestheader-uid-headers': '["X-Remote-Uid"]',
    'requestheader-username-headers': '["X-Remote-User"]',
  };
  return [
    keptConfigMap('kube-system', 'extension-apiserver-authentication', authentication),
    keptConfigMap('kube-public', 'cluster-info', { kubeconfig: clusterInfo(pki.caPem, url) }),
    ...readers('kube-system', 'extension-apiserver-authentication-reader', 'extension-apiserver-authentication', ['get', 'list', 'watch'], []),
    ...readers('kube-public', 'coracle:cluster-info', 'cluster-info', ['get'], [{ kind: 'User', name: 'system:anonymous' }, { kind: 'Group', name: 'system:unauthenticated' }, { kind: 'Group', name: 'system:bootstrappers' }]),
  ];
}

/** Data that the server alone decides. */
function keptConfigMap(home: string, name: string, data: Readonly<Record<string, string>>): Seed {
  return {
    resource: configMap,
    object: { ...named(configMap, name, { namespace: home }), data } as KubernetesObject,
    repair: (present) => {
      const old: unknown = Reflect.get(present, 'data');
      const merged = { ...(typeof old === 'object' ? old : {}), ...data };
      return isDeepStrictEqual(merged, old) ? undefined : ({ ...present, data: merged } as KubernetesObject);
    },
  };
}

/** A Role that reads one ConfigMap, and who has it. */
function readers(home: string, name: string, about: string, verbs: readonly string[], subjects: readonly { readonly kind: string; readonly name: string }[]): Seed[] {
  const metadata = { namespace: home, labels: defaultsLabel, annotations: { [autoUpdate]: 'true' } };
  const apiGroup = role.group;
  const granted = { ...named(role, name, metadata), rules: [rule(verbs, '', 'configmaps', [about])] } as KubernetesObject;
  if (subjects.length === 0) return [{ resource: role, object: granted }];
  const roleRef = { apiGroup, kind: 'Role', name };
  const binding = { ...named(roleBinding, name, metadata), roleRef, subjects: subjects.map((subject) => ({ apiGroup, ...subject })) } as KubernetesObject;
  return [{ resource: role, object: granted }, { resource: roleBinding, object: binding }];
}

/** A kubeconfig without credentials. */
function clusterInfo(caPem: string, url: string): string {
  return [
    'apiVersion: v1', 'kind: Config', 'clusters:', '- name: ""', '  cluster:', `    certificate-authority-data: ${Buffer.from(caPem).toString('base64')}`,
    `    server: ${url}`, 'contexts: []', 'current-context: ""', 'users: []', '',
  ].join('\n');
}

/** How pods reach the API. The server may be given another port at a later start. */
function kubernetesService(url: string): Seed {
  const { port } = new URL(url);
  const ports = [{ name: 'https', port: 443, protocol: 'TCP', targetPort: port === '' ? 443 : Number(port) }];
  const object: Service = {
    ...named(service, 'kubernetes', { namespace: 'default', labels: { component: 'apiserver', provider: 'kubernetes' } }),
    spec: {
      type: 'ClusterIP', clusterIP: serviceAddress, clusterIPs: [serviceAddress], ipFamilies: ['IPv4'], ipFamilyPolicy: 'SingleStack',
      sessionAffinity: 'None', internalTrafficPolicy: 'Cluster', ports,
    },
  };
  return {
    resource: service, object,
    repair: (present: Service) => (isDeepStrictEqual(present.spec?.ports, ports) ? undefined : { ...present, spec: { ...present.spec, ports } }),
  };
}
