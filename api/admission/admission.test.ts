import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CertificateSigningRequest, ClusterRole, ClusterRoleBinding, PriorityClass, Role, RoleBinding } from '../../machinery/kinds/cluster.ts';
import { Namespace, Node, Pod, ServiceAccount } from '../../machinery/kinds/core.ts';
import { CSINode } from '../../machinery/kinds/storage.ts';
import type { Kind, KubernetesObject } from '../../machinery/kinds/kind.ts';
import type { Draft } from '../../machinery/kinds/wire.ts';
import { ApiError } from '../../machinery/status.ts';
import { createAuthorizer, type ClusterAuthorizer } from '../access/rbac.ts';
import { someone, startTestCluster, type TestCluster } from '../access/test-cluster.ts';
import { makeRequest } from '../access/certificates.ts';
import { resources } from '../resources/all.ts';
import { certificateSigningRequest } from '../resources/certificates/certificate-signing-request.ts';
import { createAdmission, type Admission, type Admitted } from './admission.ts';
import { admissionPlugins } from './all.ts';

let cluster: TestCluster;
let authorizer: ClusterAuthorizer;
let admission: Admission;

const admin = someone('admin', 'system:masters');
const node = someone('system:node:n', 'system:nodes');

beforeAll(async () => {
  cluster = await startTestCluster();
  authorizer = createAuthorizer(cluster.caches);
  admission = createAdmission(admissionPlugins({ authorizer, nameSuffix: () => 'xyz42', configured: [] }));
  await cluster.put(Namespace, { metadata: { name: 'a' }, status: { phase: 'Active' } });
  await cluster.put(Namespace, { metadata: { name: 'kube-node-lease' }, status: { phase: 'Active' } });
  await cluster.put(Namespace, { metadata: { name: 'ending' }, status: { phase: 'Terminating' } });
  await cluster.put(ServiceAccount, { metadata: { name: 'default', namespace: 'a' }, imagePullSecrets: [{ name: 'pull' }] });
  await cluster.put(ServiceAccount, { metadata: { name: 'quiet', namespace: 'a' }, automountServiceAccountToken: false });
  await cluster.put(PriorityClass, { metadata: { name: 'high' }, value: 1000, preemptionPolicy: 'Never' });
});

afterAll(async () => {
  authorizer.close();
  await cluster.close();
});

interface Case { readonly object?: KubernetesObject; readonly old?: KubernetesObject; readonly operation?: Admitted['operation']; readonly user?: Admitted['user']; readonly subresource?: string }

/** What admission makes of a write. Throws its refusal. */
function admit<T extends KubernetesObject>(kind: Kind<T>, { object, old, operation = 'CREATE', user = admin, subresource = '' }: Case): T {
  const resource = resources.find((one) => one.group === kind.group && one.plural === kind.plural);
  if (resource === undefined) throw new Error(`no resource ${kind.plural}`);
  const { namespace = '', name = '' } = (object ?? old)?.metadata ?? {};
  const write: Admitted = { operation, resource, subresource, namespace, name, user, old, caches: cluster.caches, dryRun: false, options: undefined, warn: () => undefined, annotate: () => undefined, signal: AbortSignal.timeout(30_000) };
  const draft = structuredClone(object ?? {}) as Draft<KubernetesObject>;
  if (operation !== 'DELETE') void admission.mutate(write, draft);
  void admission.validate(write, operation === 'DELETE' ? undefined : draft);
  return draft as T;
}

function refusal(run: () => unknown): ApiError {
  try {
    run();
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
  throw new Error('it was admitted');
}

const pod = (spec: object = {}, more: object = {}): Pod => ({ metadata: { name: 'p', namespace: 'a', ...more }, spec: { containers: [{ name: 'c' }], ...spec } });

describe('a namespace', () => {
  it('must be there', () => {
    expect(refusal(() => admit(Pod, { object: pod({}, { namespace: 'nowhere' }) })).status).toMatchObject({ code: 404, message: 'namespaces "nowhere" not found' });
  });

  it('that ends takes nothing new, and says why', () => {
    expect(refusal(() => admit(Pod, { object: pod({}, { namespace: 'ending' }) })).status).toMatchObject({
      code: 403, message: 'pods "p" is forbidden: unable to create new content in namespace ending because it is being terminated',
      details: { causes: [{ reason: 'NamespaceTerminating', message: 'namespace ending is being terminated', field: 'metadata.namespace' }] },
    });
  });

  it('that the cluster needs may not be deleted', () => {
    expect(refusal(() => admit(Namespace, { old: { metadata: { name: 'kube-system' } }, operation: 'DELETE' })).message).toBe('namespaces "kube-system" is forbidden: this namespace may not be deleted');
    expect(() => admit(Namespace, { old: { metadata: { name: 'a' } }, operation: 'DELETE' })).not.toThrow();
  });
});

const shownTolerations = (tolerations?: object[]) => admit(Pod, { object: pod(tolerations === undefined ? {} : { tolerations }) }).spec?.tolerations?.map(({ key, tolerationSeconds }) => `${key ?? '*'} ${tolerationSeconds ?? 'ever'}`);

describe('a new pod', () => {
  it('gets the default account, its token in every container, its pull secrets', () => {
    const { spec } = admit(Pod, { object: pod({ initContainers: [{ name: 'i' }] }) });
    const mount = { name: 'kube-api-access-xyz42', readOnly: true, mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' };
    expect(spec).toMatchObject({
      serviceAccountName: 'default', serviceAccount: 'default', imagePullSecrets: [{ name: 'pull' }],
      containers: [{ volumeMounts: [mount] }], initContainers: [{ volumeMounts: [mount] }],
    });
    expect(spec?.volumes).toEqual([{
      name: 'kube-api-access-xyz42',
      projected: {
        defaultMode: 420,
        sources: [
          { serviceAccountToken: { expirationSeconds: 3607, path: 'token' } },
          { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
          { downwardAPI: { items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }] } },
        ],
      },
    }]);
  });

  it.each<[string, object]>([
    ['the account wants none', { serviceAccountName: 'quiet' }],
    ['the pod wants none', { automountServiceAccountToken: false }],
    ['every container mounts something there', { containers: [{ name: 'c', volumeMounts: [{ name: 'own', mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' }] }] }],
  ])('gets no token when %s', (_name, spec) => {
    expect(admit(Pod, { object: pod(spec) }).spec?.volumes).toBeUndefined();
  });

  it('needs an account that exists', () => {
    expect(refusal(() => admit(Pod, { object: pod({ serviceAccountName: 'ghost' }) })).message)
      .toBe('pods "p" is forbidden: error looking up service account a/ghost: serviceaccount "ghost" not found');
  });

  it('may be earlier than its namespace\'s default account', () => {
    expect(admit(Pod, { object: pod({}, { namespace: 'kube-node-lease' }) }).spec).toMatchObject({ serviceAccountName: 'default', volumes: [{ name: 'kube-api-access-xyz42' }] });
  });

  it('tolerates a silent node for five minutes, unless it says otherwise', () => {
    expect(shownTolerations()).toEqual(['node.kubernetes.io/not-ready 300', 'node.kubernetes.io/unreachable 300']);
    expect(shownTolerations([{ operator: 'Exists' }])).toEqual(['* ever']);
    expect(shownTolerations([{ key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 5 }])).toEqual(['node.kubernetes.io/not-ready 5', 'node.kubernetes.io/unreachable 300']);
  });

  it('has the priority of its class', () => {
    expect(admit(Pod, { object: pod() }).spec).toMatchObject({ priority: 0, preemptionPolicy: 'PreemptLowerPriority' });
    expect(admit(Pod, { object: pod({ priorityClassName: 'high' }) }).spec).toMatchObject({ priority: 1000, preemptionPolicy: 'Never' });
    expect(refusal(() => admit(Pod, { object: pod({ priorityClassName: 'none' }) })).message).toBe('pods "p" is forbidden: no PriorityClass with name none was found');
    expect(refusal(() => admit(Pod, { object: pod({ priority: 7 }) })).message).toContain('the integer value of priority (7) must not be provided in pod spec');
  });

  it('has the priority of the default class where there is one, and there is one only', async () => {
    const usual = { metadata: { name: 'usual' }, value: 5, globalDefault: true };
    await cluster.put(PriorityClass, usual);
    expect(admit(Pod, { object: pod() }).spec).toMatchObject({ priority: 5, priorityClassName: 'usual' });
    expect(refusal(() => admit(PriorityClass, { object: { ...usual, metadata: { name: 'second' } } as never })).code).toBe(403);
    expect(() => admit(PriorityClass, { object: usual as never, old: usual as never, operation: 'UPDATE' })).not.toThrow();
    await cluster.remove(PriorityClass, { name: 'usual' });
  });
});

describe('a node', () => {
  it('takes no pods at first', () => {
    expect(admit(Node, { object: { metadata: { name: 'n' } } }).spec?.taints).toEqual([{ key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' }]);
  });

  const own: Pod = { metadata: { name: 'mine', namespace: 'a' }, spec: { nodeName: 'n', containers: [] } };
  const others: Pod = { metadata: { name: 'other', namespace: 'a' }, spec: { nodeName: 'm', containers: [] } };
  const self: Node = { metadata: { name: 'n', labels: {} }, spec: { taints: [] } };
  it.each<[string, Kind, Case, string | undefined]>([
    ['registers itself', Node, { object: { metadata: { name: 'n', labels: { 'kubernetes.io/hostname': 'n', team: 'x' } } } }, undefined],
    ['registers no other', Node, { object: { metadata: { name: 'm' } } }, 'node "n" is not allowed to modify node "m"'],
    ['gives itself no role', Node, { object: { metadata: { name: 'n', labels: { 'node-role.kubernetes.io/control-plane': '', 'node-restriction.kubernetes.io/safe': 'y' } } } },
      'is not allowed to set the following labels: node-restriction.kubernetes.io/safe, node-role.kubernetes.io/control-plane'],
    ['takes no taint off itself', Node, { operation: 'UPDATE', old: { ...self, spec: { taints: [{ key: 'k', effect: 'NoSchedule' }] } } as Node, object: self }, 'node "n" is not allowed to modify taints'],
    ['reports on its pod', Pod, { operation: 'UPDATE', subresource: 'status', old: own, object: own }, undefined],
    ['reports on no other pod', Pod, { operation: 'UPDATE', subresource: 'status', old: others, object: others }, 'node "n" can only update pod status for pods with spec.nodeName set to itself'],
    ['relabels no pod', Pod, { operation: 'UPDATE', subresource: 'status', old: own, object: { ...own, metadata: { ...own.metadata, labels: { a: 'b' } } } }, 'node "n" cannot update labels through pod status'],
    ['gives its pod no claims', Pod, { operation: 'UPDATE', subresource: 'status', old: own, object: { ...own, status: { resourceClaimStatuses: [{ name: 'c', resourceClaimName: 'x' }] } } }, 'node "n" cannot update resource claim statuses'],
    ['deletes its pod', Pod, { operation: 'DELETE', old: own }, undefined],
    ['deletes no other pod', Pod, { operation: 'DELETE', old: others }, 'node "n" can only delete pods with spec.nodeName set to itself'],
    ['lists its own drivers', CSINode, { object: { metadata: { name: 'n' } } }, undefined],
    ['lists the drivers of no other', CSINode, { object: { metadata: { name: 'm' } } }, 'can only create CSINode with the same name as the requesting node'],
    ['takes the drivers of no other', CSINode, { operation: 'DELETE', old: { metadata: { name: 'm' } } }, 'can only access CSINode with the same name as the requesting node'],
  ])('%s', (_name, kind, write, why) => {
    const run = () => admit(kind, { ...write, user: node });
    if (why === undefined) expect(run).not.toThrow();
    else expect(refusal(run).message).toContain(why);
  });
});

describe('a mirror pod', () => {
  const owner = { apiVersion: 'v1', kind: 'Node', name: 'n', uid: 'uid-of-n', controller: true };
  const mirrored = { annotations: { 'kubernetes.io/config.mirror': 'hash' }, ownerReferences: [owner] };
  const shown = (spec: object = {}, metadata: object = mirrored): Pod => pod({ nodeName: 'n', ...spec }, metadata);
  const owned = (...ownerReferences: object[]): Pod => shown({}, { ...mirrored, ownerReferences });
  const projecting = (source: object) => shown({ volumes: [{ name: 'v', projected: { sources: [source] } }] });

  beforeAll(async () => {
    await cluster.put(Node, { metadata: { name: 'n' } });
  });

  it.each<[string, Pod, string | undefined]>([
    ['of its node\'s is let in', shown(), undefined],
    ['is the only pod that a node makes', shown({}, {}), 'pod does not have "kubernetes.io/config.mirror" annotation, node "n" can only create mirror pods'],
    ['of another node\'s is not', shown({ nodeName: 'm' }), 'node "n" can only create pods with spec.nodeName set to itself'],
    ['without an owner', owned(), 'node "n" can only create pods with an owner reference set to itself'],
    ['of two owners', owned(owner, { ...owner, uid: 'x', controller: false }), 'node "n" can only create pods with a single owner reference set to itself'],
    ['of another owner', owned({ ...owner, name: 'm' }), 'node "n" can only create pods with an owner reference set to itself'],
    ['that its node does not control', owned({ ...owner, controller: false }), 'node "n" can only create pods with a controller owner reference set to itself'],
    ['that holds its node back', owned({ ...owner, blockOwnerDeletion: true }), 'node "n" must not set blockOwnerDeletion on an owner reference'],
    ['of an earlier node of that name', owned({ ...owner, uid: 'old' }), 'node n UID mismatch: expected old got uid-of-n'],
    ['with an account', shown({ serviceAccountName: 'default' }), 'a mirror pod may not reference service accounts'],
    ['with a secret', shown({ imagePullSecrets: [{ name: 's' }] }), 'a mirror pod may not reference secrets'],
    ['with a configmap', projecting({ configMap: { name: 'c' } }), 'node "n" can not create pods that reference configmaps'],
    ['with a trust bundle', projecting({ clusterTrustBundle: { name: 'b', path: 'p' } }), 'node "n" can not create pods that reference clustertrustbundles'],
    ['with a claim', shown({ volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'c' } }] }), 'node "n" can not create pods that reference persistentvolumeclaims'],
    ['with a claim of its own', shown({ volumes: [{ name: 'v', ephemeral: {} }] }), 'node "n" can not create pods that reference persistentvolumeclaims'],
    ['with devices', shown({ resourceClaims: [{ name: 'r', resourceClaimName: 'x' }] }), 'node "n" can not create pods that reference resourceclaims'],
  ])('%s', (_name, object, why) => {
    const run = () => admit(Pod, { object, user: node });
    if (why === undefined) expect(run).not.toThrow();
    else expect(refusal(run).message).toContain(why);
  });

  it('is left as its node has it, whoever makes it', () => {
    expect(admit(Pod, { object: shown({ tolerations: [{ operator: 'Exists', effect: 'NoExecute' }] }) }).spec).toEqual({
      nodeName: 'n', containers: [{ name: 'c' }], tolerations: [{ operator: 'Exists', effect: 'NoExecute' }], priority: 0, preemptionPolicy: 'PreemptLowerPriority',
    });
  });

  it.each<[string, Pod, string]>([
    ['an account', shown({ serviceAccountName: 'default' }), 'a mirror pod may not reference service accounts'],
    ['a secret', shown({ volumes: [{ name: 'v', secret: { secretName: 's' } }] }), 'a mirror pod may not reference secrets'],
    ['a token', projecting({ serviceAccountToken: { path: 't' } }), 'a mirror pod may not use ServiceAccountToken volume projections'],
  ])('claims nobody\'s: %s', (_name, object, why) => {
    expect(refusal(() => admit(Pod, { object })).message).toBe(`pods "p" is forbidden: ${why}`);
  });
});

const bind = (kind: string, name: string) => ({ apiGroup: 'rbac.authorization.k8s.io', kind, name });

describe('a grant', () => {
  const ann = someone('ann');
  const reading = { verbs: ['get'], apiGroups: [''], resources: ['pods'] };
  const deleting = { verbs: ['delete'], apiGroups: [''], resources: ['pods'] };

  beforeAll(async () => {
    await cluster.put(ClusterRole, { metadata: { name: 'reader' }, rules: [reading] });
    await cluster.put(ClusterRole, { metadata: { name: 'deleter' }, rules: [deleting] });
    await cluster.put(ClusterRole, { metadata: { name: 'binder' }, rules: [{ verbs: ['bind'], apiGroups: ['rbac.authorization.k8s.io'], resources: ['clusterroles'], resourceNames: ['deleter'] }] });
    await cluster.put(RoleBinding, { metadata: { name: 'ann', namespace: 'a' }, roleRef: bind('ClusterRole', 'reader'), subjects: [{ kind: 'User', name: 'ann' }] });
    await cluster.put(ClusterRoleBinding, { metadata: { name: 'ben' }, roleRef: bind('ClusterRole', 'binder'), subjects: [{ kind: 'User', name: 'ben' }] });
  });

  it('of what the giver holds is let through', () => {
    expect(() => admit(Role, { user: ann, object: { metadata: { name: 'r', namespace: 'a' }, rules: [reading] } as Role })).not.toThrow();
    expect(() => admit(RoleBinding, { user: ann, object: { metadata: { name: 'b', namespace: 'a' }, roleRef: bind('ClusterRole', 'reader') } as RoleBinding })).not.toThrow();
  });

  it('of more is refused and names the rest', () => {
    expect(refusal(() => admit(Role, { user: ann, object: { metadata: { name: 'r', namespace: 'a' }, rules: [reading, deleting] } as Role })).message).toBe(
      'roles.rbac.authorization.k8s.io "r" is forbidden: user "ann" (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n{APIGroups:[""], Resources:["pods"], Verbs:["delete"]}',
    );
    expect(refusal(() => admit(RoleBinding, { user: ann, object: { metadata: { name: 'b', namespace: 'a' }, roleRef: bind('ClusterRole', 'deleter') } as RoleBinding })).code).toBe(403);
    expect(refusal(() => admit(ClusterRole, { user: ann, object: { metadata: { name: 'r' }, rules: [reading] } as ClusterRole })).code).toBe(403);
    expect(refusal(() => admit(ClusterRole, { user: ann, object: { metadata: { name: 'r' }, aggregationRule: { clusterRoleSelectors: [{}] } } as ClusterRole })).code).toBe(403);
  });

  it('of a role that one may bind is let through', () => {
    expect(() => admit(RoleBinding, { user: someone('ben'), object: { metadata: { name: 'b', namespace: 'a' }, roleRef: bind('ClusterRole', 'deleter') } as RoleBinding })).not.toThrow();
  });

  it('that was there before may be touched', () => {
    const role = { metadata: { name: 'r', namespace: 'a' }, rules: [deleting] } as Role;
    expect(() => admit(Role, { user: ann, operation: 'UPDATE', old: role, object: { ...role, metadata: { ...role.metadata, labels: { a: 'b' } } } })).not.toThrow();
  });
});

const request = (status: object = {}) => ({ metadata: { name: 'r' }, spec: { request: '', signerName: 'kubernetes.io/kube-apiserver-client', username: 'forged', groups: ['system:masters'] }, status }) as CertificateSigningRequest;

const update = (status: object, user = someone('ann')) => admit(CertificateSigningRequest, { operation: 'UPDATE', subresource: 'status', user, old: request(), object: request(status) });


describe('a certificate signing request', () => {
  it('says who made it, whatever it says', () => {
    expect(admit(CertificateSigningRequest, { user: someone('ann', 'dev'), object: request() }).spec).toMatchObject({ username: 'ann', groups: ['dev', 'system:authenticated'] });
  });

  it('makes nobody an administrator', async () => {
    const asking = async (signerName: string, organizations: readonly string[]) => {
      const { requestPem } = await makeRequest({ commonName: 'ann', organizations }, []);
      const object = { metadata: { name: 'r' }, spec: { request: Buffer.from(requestPem).toString('base64'), signerName, usages: ['client auth'] } } as CertificateSigningRequest;
      const write: Admitted = {
        operation: 'CREATE', resource: certificateSigningRequest, subresource: '', namespace: '', name: 'r', user: someone('ann'), old: undefined, caches: cluster.caches,
        dryRun: false, options: undefined, warn: () => undefined, annotate: () => undefined, signal: AbortSignal.timeout(30_000),
      };
      await admission.validate(write, object);
    };
    await expect(asking('kubernetes.io/kube-apiserver-client', ['system:masters'])).rejects.toThrow('use of kubernetes.io/kube-apiserver-client signer with system:masters group is not allowed');
    await expect(asking('kubernetes.io/kube-apiserver-client', ['dev'])).resolves.toBeUndefined();
    await expect(asking('example.com/own', ['system:masters'])).resolves.toBeUndefined();
  });

  it('is approved and signed by those whom its signer trusts', () => {
    const approved = { conditions: [{ type: 'Approved', status: 'True' }] };
    expect(refusal(() => update(approved)).message).toContain('user not permitted to approve requests with signerName "kubernetes.io/kube-apiserver-client"');
    expect(refusal(() => update({ certificate: 'x' })).message).toContain('user not permitted to sign requests');
    expect(() => update(approved, admin)).not.toThrow();
  });
});
