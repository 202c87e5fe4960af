import type { Container } from '../../../machinery/kinds/core.ts';
import { ImageError } from '../../images/image-error.ts';
import { credentialsFor } from '../../images/pull-secrets.ts';
import { isOpen, isVerified, type PodCredentials } from '../../images/pull-access.ts';
import { parseReference, repositoryOf } from '../../images/reference.ts';
import type { StoredImage } from '../../images/store.ts';
import type { PodHandle } from '../handle.ts';
import { StartFailure } from './start-failure.ts';
import { messageOf } from '../../../machinery/thrown.ts';

/** `Always` for `:latest` and names without a tag, else `IfNotPresent` ("Image pull policy"). */
function policyOf(container: Container): string {
  if (container.imagePullPolicy !== undefined && container.imagePullPolicy !== '') return container.imagePullPolicy;
  const reference = parseReference(container.image ?? '');
  return reference?.digest === undefined && reference?.tag === 'latest' ? 'Always' : 'IfNotPresent';
}

/** Has the container's image in the store, by its pull policy. Throws `StartFailure`. */
export async function ensureImage(handle: PodHandle, container: Container): Promise<StoredImage> {
  const name = container.image ?? '';
  const { images } = handle.node;
  const policy = policyOf(container);
  const present = await images.resolve(name).catch((error: unknown) => {
    if (!(error instanceof ImageError) || error.code !== 'InvalidName') throw error;
    throw new StartFailure('InvalidImageName', `Failed to apply default image tag "${name}": ${error.message}`, 'InspectFailed');
  });
  if (present === undefined) {
    if (policy === 'Never') throw new StartFailure('ErrImageNeverPull', `Container image "${name}" is not present with pull policy of Never`, 'ErrImageNeverPull');
    return await pull(handle, container, name, await podCredentials(handle, name));
  }
  if (policy === 'Always') return await pull(handle, container, name, await podCredentials(handle, name));
  const reference = parseReference(name);
  const repository = reference === undefined ? name : repositoryOf(reference);
  const found = isOpen(present.pulls, repository) ? [] : await podCredentials(handle, name);
  if (isVerified(present.pulls, repository, found)) {
    handle.event('Normal', 'Pulled', `Container image "${name}" already present on machine and can be accessed by the pod`, container.name);
    return present;
  }
  if (policy === 'Never') {
    throw new StartFailure('ErrImageNeverPull', `Container image "${name}" is present with pull policy of Never, but was pulled with credentials that the pod does not have`, 'ErrImageNeverPull');
  }
  return await pull(handle, container, name, found);
}

async function pull(handle: PodHandle, container: Container, name: string, credentials: readonly PodCredentials[]): Promise<StoredImage> {
  const { images, clock, registries } = handle.node;
  handle.event('Normal', 'Pulling', `Pulling image "${name}"`, container.name);
  const startedAt = clock.now();
  try {
    const image = await images.pull(name, { podCredentials: credentials, registries, signal: handle.starting });
    const took = `${((clock.now() - startedAt) / 1000).toFixed(3).replace(/0+$/, '').replace(/\.$/, '')}s`;
    handle.event('Normal', 'Pulled', `Successfully pulled image "${name}" in ${took} (${took} including waiting). Image size: ${image.sizeBytes} bytes.`, container.name);
    return image;
  } catch (error) {
    if (handle.starting.aborted) throw error;
    const message = messageOf(error);
    handle.event('Warning', 'Failed', `Failed to pull image "${name}": ${message}`, container.name);
    throw new StartFailure('ErrImagePull', message, 'Failed', 'Error: ErrImagePull', name);
  }
}

/** Of the pod's imagePullSecrets; a secret that isn't there is told, and does without. */
export async function podCredentials(handle: PodHandle, name: string): Promise<readonly PodCredentials[]> {
  const reference = parseReference(name);
  const { namespace = '' } = handle.pod().metadata ?? {};
  const found: PodCredentials[] = [];
  for (const { name: secretName = '' } of handle.pod().spec?.imagePullSecrets ?? []) {
    const secret = await handle.objects.secret(secretName);
    if (secret !== undefined && reference !== undefined) found.push(...credentialsFor(secret, reference).map((each) => ({ ...each, source: { namespace, name: secretName, uid: secret.metadata?.uid ?? '' } })));
    else handle.event('Warning', 'FailedToRetrieveImagePullSecret', `Unable to retrieve some image pull secrets (${secretName}); attempting to pull the image may not succeed.`);
  }
  return found;
}
