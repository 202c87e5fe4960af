import { defineKind, type KubernetesObject } from './kind.ts';

/** Which images may run, by whose keys they are signed. A kind of our own: a custom resource that every cluster has. */
export interface ImagePolicy extends KubernetesObject {
  readonly spec?: { readonly rules?: readonly ImageRule[] };
}

/** What is demanded of images whose repository matches: a signature by one of the keys, or nothing. */
export interface ImageRule {
  /** Repository, in full: `*` stands for anything but a slash, `**` for anything. */
  readonly image: string;
  /** PEM. */
  readonly publicKeys?: readonly string[];
  readonly allow?: string;
  /** For copies: pattern of the repository that the image was signed for. Absent: the one that it is run from, or none, as bundles have it. */
  readonly signedAs?: string;
}

export const ImagePolicy = defineKind<ImagePolicy>('coracle.dev', 'v1', 'ImagePolicy', 'imagepolicies', 'Cluster');
