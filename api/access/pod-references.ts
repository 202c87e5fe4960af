/** What a pod needs on its node, by its spec. Pure. Source: kube-apiserver's node authorizer, as described in "Using Node Authorization". */
import type { Pod, PodSpec } from '../../machinery/kinds/core.ts';

function containersOf(spec: PodSpec) {
  return [...spec.containers, ...(spec.initContainers ?? []), ...(spec.ephemeralContainers ?? [])];
}

/** Every secret: volumes, environment, image pulls. */
export function secretsOf({ spec }: Pod): ReadonlySet<string> {
  if (spec === undefined) return new Set();
  const names: (string | undefined)[] = (spec.imagePullSecrets ?? []).map(({ name }) => name);
  for (const container of containersOf(spec)) {
    names.push(...(container.env ?? []).map((one) => one.valueFrom?.secretKeyRef?.name), ...(container.envFrom ?? []).map((one) => one.secretRef?.name));
  }
  for (const volume of spec.volumes ?? []) {
    names.push(volume.secret?.secretName, ...(volume.projected?.sources ?? []).map((source) => source.secret?.name));
    names.push(volume.csi?.nodePublishSecretRef?.name, volume.cephfs?.secretRef?.name, volume.iscsi?.secretRef?.name, volume.rbd?.secretRef?.name);
  }
  return new Set(names.filter((name) => name !== undefined));
}

export function configMapsOf({ spec }: Pod): ReadonlySet<string> {
  if (spec === undefined) return new Set();
  const names: (string | undefined)[] = [];
  for (const container of containersOf(spec)) {
    names.push(...(container.env ?? []).map((one) => one.valueFrom?.configMapKeyRef?.name), ...(container.envFrom ?? []).map((one) => one.configMapRef?.name));
  }
  for (const volume of spec.volumes ?? []) names.push(volume.configMap?.name, ...(volume.projected?.sources ?? []).map((source) => source.configMap?.name));
  return new Set(names.filter((name) => name !== undefined));
}

/** Claims of volumes; that of an ephemeral volume is named after pod and volume. */
export function volumeClaimsOf({ metadata, spec }: Pod): ReadonlySet<string> {
  const names = (spec?.volumes ?? []).map((volume) => (volume.ephemeral === undefined ? volume.persistentVolumeClaim?.claimName : `${metadata?.name ?? ''}-${volume.name}`));
  return new Set(names.filter((name) => name !== undefined));
}

/** Claims of devices: named by the pod, or made for it. */
export function resourceClaimsOf({ spec, status }: Pod): ReadonlySet<string> {
  const names = [...(spec?.resourceClaims ?? []).map(({ resourceClaimName }) => resourceClaimName), ...(status?.resourceClaimStatuses ?? []).map(({ resourceClaimName }) => resourceClaimName)];
  return new Set(names.filter((name) => name !== undefined));
}
