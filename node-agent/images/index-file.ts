import type { VerifiedPulls } from './pull-access.ts';

/** `index.json`: which images there are, and their names. */
export interface ImageRecord {
  readonly id: string;
  readonly references: readonly string[];
  readonly repoDigests: readonly string[];
  readonly sizeBytes: number;
  readonly diffIds: readonly string[];
  /** Who may use it; absent in the records of earlier versions. */
  readonly pulls?: VerifiedPulls;
  /** It stays when the disk fills up. */
  readonly pinned?: boolean;
  /** Of an image that was built here: its manifest, and all blobs that the manifest names, kept as they are to be pushed. */
  readonly kept?: { readonly manifest: string; readonly blobs: readonly string[] };
}

/** The blobs that an image keeps beside its configuration. */
export function keptBlobs({ kept }: Pick<ImageRecord, 'kept'>): readonly string[] {
  return kept === undefined ? [] : [kept.manifest, ...kept.blobs];
}

export interface ImageIndex {
  readonly images: Readonly<Record<string, ImageRecord>>;
}

export const emptyIndex: ImageIndex = { images: {} };

/** Reads our own file; throws when something else has written it. */
export function parseIndex(text: string): ImageIndex {
  const value: unknown = JSON.parse(text);
  if (typeof value !== 'object' || value === null || !('images' in value) || typeof value.images !== 'object' || value.images === null) {
    throw new TypeError('the image index has no images');
  }
  for (const record of Object.values(value.images)) {
    if (!isRecord(record)) throw new TypeError('the image index has a record of another form');
  }
  return value as ImageIndex;
}

function isRecord(value: unknown): value is ImageRecord {
  if (typeof value !== 'object' || value === null) return false;
  const { id, references, repoDigests, sizeBytes, diffIds } = value as Partial<Record<keyof ImageRecord, unknown>>;
  return typeof id === 'string' && Array.isArray(references) && Array.isArray(repoDigests) && typeof sizeBytes === 'number' && Array.isArray(diffIds);
}
