import type { Container } from '../../../machinery/kinds/core.ts';
import type { StoredImage } from '../../images/store.ts';
import type { PodHandle } from '../handle.ts';
import { ensureImage } from './ensure-image.ts';
import { verifyImage } from './verify-image.ts';

/**
 * Has the images in the store that a container mounts, by their volumes' names: pulled, allowed and refused as the container's own is
 * ("image", Volumes). Throws `StartFailure`.
 */
export async function ensureVolumeImages(handle: PodHandle, container: Container): Promise<ReadonlyMap<string, StoredImage>> {
  const mounted = new Set((container.volumeMounts ?? []).map(({ name }) => name));
  const images = new Map<string, StoredImage>();
  for (const { name, image } of handle.pod().spec?.volumes ?? []) {
    if (image === undefined || !mounted.has(name)) continue;
    const asked: Container = { name: container.name, image: image.reference ?? '', ...(image.pullPolicy === undefined ? {} : { imagePullPolicy: image.pullPolicy }) };
    const stored = await ensureImage(handle, asked);
    await verifyImage(handle, asked, stored);
    images.set(name, stored);
  }
  return images;
}
