import type { Path } from '../../../../../machinery/field-path.ts';
import type { PodSpec, Volume } from '../../../../../machinery/kinds/core.ts';
import { claimSpecWarnings } from '../../persistent-volume-claim/warnings.ts';
import { overlaps, type Placed } from './overlaps.ts';

/** Volumes of kinds that are gone, and files that get in each other's way. */

/** Source: "Volumes: types of volumes". */
const oldVolumes = {
  photonPersistentDisk: 'deprecated in v1.11, non-functional in v1.16+',
  gitRepo: 'deprecated in v1.11',
  scaleIO: 'deprecated in v1.16, non-functional in v1.22+',
  flocker: 'deprecated in v1.22, non-functional in v1.25+',
  storageos: 'deprecated in v1.22, non-functional in v1.25+',
  quobyte: 'deprecated in v1.22, non-functional in v1.25+',
  glusterfs: 'deprecated in v1.25, non-functional in v1.26+',
  cephfs: 'deprecated in v1.28, non-functional in v1.31+',
  rbd: 'deprecated in v1.28, non-functional in v1.31+',
} as const;

export function volumeWarnings({ volumes = [] }: PodSpec, path: Path): string[] {
  return [
    ...volumes.flatMap((volume, index) => {
      const template = volume.ephemeral?.volumeClaimTemplate;
      return [
        ...oldVolumeWarnings(volume, path.index(index)),
        ...(template === undefined ? [] : claimSpecWarnings(template.spec, path.index(index).child('ephemeral', 'volumeClaimTemplate', 'spec'))),
      ];
    }),
    ...volumes.flatMap(overlapWarnings),
  ];
}

/** Of a volume's source, in a pod or a PersistentVolume. */
export function oldVolumeWarnings(source: { readonly [kind in keyof typeof oldVolumes]?: unknown }, path: Path): string[] {
  return (Object.keys(oldVolumes) as (keyof typeof oldVolumes)[]).flatMap((kind) => (source[kind] === undefined ? [] : [`${path.child(kind === 'storageos' ? 'storageOS' : kind).toString()}: ${oldVolumes[kind]}`]));
}

function overlapWarnings({ name, configMap, secret, downwardAPI, projected }: Volume): string[] {
  const among = (what: string, paths: readonly Placed[]) => overlaps(paths).map((text) => `volume ${JSON.stringify(name)} (${what}): overlapping paths: ${text}`);
  return [
    ...among(`ConfigMap ${JSON.stringify(configMap?.name ?? '')}`, from(configMap?.items)),
    ...among(`Secret ${JSON.stringify(secret?.secretName ?? '')}`, from(secret?.items)),
    ...among('DownwardAPI', from(downwardAPI?.items)),
    ...(projected?.sources ?? []).flatMap((source) => (Object.keys(source).length === 0 ? [`volume ${JSON.stringify(name)} (Projected) has no sources provided`] : [])),
    ...among('Projected', (projected?.sources ?? []).flatMap(projectedPaths)),
  ];
}

function from(items: readonly { readonly path: string }[] | undefined, source = ''): Placed[] {
  return (items ?? []).map(({ path }) => ({ path, source }));
}

type Source = NonNullable<NonNullable<Volume['projected']>['sources']>[number];

function projectedPaths({ configMap, secret, downwardAPI, serviceAccountToken, clusterTrustBundle, podCertificate }: Source): Placed[] {
  const { certificateChainPath = '', keyPath = '', credentialBundlePath = '' } = podCertificate ?? {};
  return [
    ...from(configMap?.items, `ConfigMap ${JSON.stringify(configMap?.name ?? '')}`),
    ...from(secret?.items, `Secret ${JSON.stringify(secret?.name ?? '')}`),
    ...from(downwardAPI?.items, 'DownwardAPI'),
    ...(serviceAccountToken === undefined ? [] : [{ path: serviceAccountToken.path, source: 'ServiceAccountToken' }]),
    ...(clusterTrustBundle === undefined ? [] : [{ path: clusterTrustBundle.path, source: `ClusterTrustBundle ${JSON.stringify(clusterTrustBundle.name ?? clusterTrustBundle.signerName ?? '')}` }]),
    ...([[certificateChainPath, 'chain'], [keyPath, 'key'], [credentialBundlePath, 'credential bundle']] as const).flatMap(([path, what]) => (path === '' ? [] : [{ path, source: `PodCertificate ${what}` }])),
  ];
}
