import { ServiceAccount, type Container, type Pod, type Volume } from '../../machinery/kinds/core.ts';
import type { Draft } from '../../machinery/kinds/wire.ts';
import { isMirror } from '../../machinery/pod/static.ts';
import { secretsOf } from '../access/pod-references.ts';
import { refused } from '../access/refused.ts';
import { targetOf, type AdmissionPlugin } from './admission.ts';

/** Gives each pod its service account, and its containers the account's token. Source: "Admission controllers", ServiceAccount; "Configure service accounts for pods". */

const mountPath = '/var/run/secrets/kubernetes.io/serviceaccount';
const volumePrefix = 'kube-api-access-';
/** Asked for an hour and seven seconds, as Kubernetes does: the seven mark such tokens. */
const expirationSeconds = 3607;

/** `nameSuffix`: five random characters for the volume's name. */
export function serviceAccountAdmission(nameSuffix: () => string): AdmissionPlugin {
  return {
    name: 'ServiceAccount',
    handles: ({ operation, resource, subresource }) => operation === 'CREATE' && resource.group === '' && resource.plural === 'pods' && subresource === '',
    mutate({ namespace, name, caches, resource }, draft) {
      const pod = draft as Draft<Pod>;
      if (pod.spec === undefined || isMirror(pod)) return;
      const asked = pod.spec.serviceAccountName ?? pod.spec.serviceAccount ?? '';
      const accountName = asked === '' ? 'default' : asked;
      pod.spec.serviceAccountName = accountName;
      pod.spec.serviceAccount = accountName;
      const found = caches.of(ServiceAccount).get(namespace, accountName)?.object;
      // The controller makes every namespace's default account: a pod may be earlier, and waits for it on its node.
      const account: ServiceAccount | undefined = found ?? (accountName === 'default' ? {} : undefined);
      if (account === undefined) {
        throw refused({ group: resource.group, resource: resource.plural, name }, `error looking up service account ${namespace}/${accountName}: serviceaccount ${JSON.stringify(accountName)} not found`);
      }
      if (pod.spec.automountServiceAccountToken ?? account.automountServiceAccountToken ?? true) mountToken(pod.spec, nameSuffix);
      if ((pod.spec.imagePullSecrets ?? []).length === 0 && (account.imagePullSecrets ?? []).length > 0) {
        pod.spec.imagePullSecrets = structuredClone(account.imagePullSecrets) as NonNullable<typeof pod.spec.imagePullSecrets>;
      }
    },
    validate(write, object) {
      const why = isMirror(object as Pod) ? mirrorObjection(object as Pod) : undefined;
      if (why !== undefined) throw refused(targetOf(write), why);
    },
  };
}

/** What a static pod runs with is its node's: the picture of it claims nothing of the cluster's. */
function mirrorObjection(pod: Pod): string | undefined {
  if ((pod.spec?.serviceAccountName ?? '') !== '') return 'a mirror pod may not reference service accounts';
  if (secretsOf(pod).size > 0) return 'a mirror pod may not reference secrets';
  const hasToken = (pod.spec?.volumes ?? []).some(({ projected }) => projected?.sources?.some(({ serviceAccountToken }) => serviceAccountToken !== undefined));
  return hasToken ? 'a mirror pod may not use ServiceAccountToken volume projections' : undefined;
}

type Spec = NonNullable<Draft<Pod>['spec']>;

/** Mounts the volume where nothing is mounted yet; a pod that was copied with its volume keeps that. */
function mountToken(spec: Spec, nameSuffix: () => string): void {
  const bare = [...(spec.initContainers ?? []), ...spec.containers].filter((container) => !isMounted(container));
  if (bare.length === 0) return;
  const present = (spec.volumes ?? []).find(({ name, projected }) => projected !== undefined && name.startsWith(volumePrefix));
  const name = present?.name ?? `${volumePrefix}${nameSuffix()}`;
  for (const container of bare) container.volumeMounts = [...(container.volumeMounts ?? []), { name, mountPath, readOnly: true }];
  if (present === undefined) spec.volumes = [...(spec.volumes ?? []), tokenVolume(name)];
}

function isMounted({ volumeMounts = [] }: Draft<Container>): boolean {
  return volumeMounts.some((mount) => mount.mountPath === mountPath);
}

function tokenVolume(name: string): Draft<Volume> {
  return {
    name,
    projected: {
      defaultMode: 0o644,
      sources: [
        { serviceAccountToken: { expirationSeconds, path: 'token' } },
        { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
        { downwardAPI: { items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }] } },
      ],
    },
  };
}
