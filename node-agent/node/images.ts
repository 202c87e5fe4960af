import type { Node } from '../../machinery/kinds/core.ts';
import type { StoredImage } from '../images/store.ts';

type NodeImages = NonNullable<NonNullable<Node['status']>['images']>;

/** Kubernetes' bounds: a node's status is written often and read by many. */
const mostImages = 50;
const mostNames = 5;

/** A node's images as its status lists them: the largest first, by what registries call them and by their tags. Pure. */
export function nodeImages(images: readonly Pick<StoredImage, 'repoDigests' | 'references' | 'sizeBytes'>[]): NodeImages {
  const largest = images.toSorted((a, b) => b.sizeBytes - a.sizeBytes).slice(0, mostImages);
  return largest.map(({ repoDigests, references, sizeBytes }) => ({ names: [...new Set([...repoDigests, ...references])].slice(0, mostNames), sizeBytes }));
}
