import type { Container } from '../../../machinery/kinds/core.ts';
import { messageOf } from '../../../machinery/thrown.ts';
import { fetchBundles, fetchTaggedBundles } from '../../images/bundles.ts';
import { allowsUnsigned, demandsOn, refusalOf, type Demand } from '../../images/image-policy.ts';
import { parseReference, repositoryOf, type ImageReference } from '../../images/reference.ts';
import { openRegistry } from '../../images/registry.ts';
import { fetchSignatures, type Signature } from '../../images/signatures.ts';
import type { StoredImage } from '../../images/store.ts';
import type { PodHandle } from '../handle.ts';
import { podCredentials } from './ensure-image.ts';
import { StartFailure } from './start-failure.ts';

const registryDeadlineMs = 30_000;
const refused = 'SignatureValidationFailed';

/**
 * Has the image meet the cluster's ImagePolicies, wherever it came from and whenever it came: before every start of a container,
 * by the digest of what is started. Throws `StartFailure`, which names the rule.
 */
export async function verifyImage(handle: PodHandle, container: Container, image: StoredImage): Promise<void> {
  const { node } = handle;
  const policies = await node.imagePolicies.current().catch((error: unknown) => {
    throw new StartFailure(refused, messageOf(error), refused);
  });
  for (const repository of policies.length === 0 ? [] : repositoriesOf(image, container.image ?? '')) {
    const demands = demandsOn(policies, repository).filter((demand) => !allowsUnsigned(demand));
    const digests = image.repoDigests.filter((each) => each.startsWith(`${repository}@`)).map((each) => each.slice(repository.length + 1));
    const refusals = (signatures: readonly Signature[]): readonly string[] => demands.flatMap((demand) => reasonOf(demand, refusalOf(demand, signatures, digests, repository)));
    if (refusals((await Promise.all(digests.map(node.images.signatures))).flat()).length === 0) continue;
    const [refusal] = refusals(await fetch(handle, repository, digests, demands, (signatures) => refusals(signatures).length === 0));
    if (refusal !== undefined) throw new StartFailure(refused, `image ${container.image ?? ''} is refused by ${refusal}`, refused);
  }
}

function reasonOf({ name }: Demand, refusal: string | undefined): readonly string[] {
  return refusal === undefined ? [] : [`${name}: ${refusal}`];
}

/** The repository that the pod names; of an image that it calls by its id all that the image has, lest an id lead around a rule. */
function repositoriesOf(image: StoredImage, asked: string): readonly string[] {
  const names = asked === image.id || `sha256:${asked}` === image.id ? [...image.references, ...image.repoDigests] : [asked];
  const found = new Set(names.flatMap((name) => parseReference(name) ?? []).map(repositoryOf));
  return found.size === 0 ? [image.id] : [...found];
}

async function fetch(handle: PodHandle, repository: string, digests: readonly string[], demands: readonly Demand[], isEnough: (signatures: readonly Signature[]) => boolean): Promise<readonly Signature[]> {
  const reference: ImageReference | undefined = parseReference(repository);
  if (reference === undefined) return [];
  const { images, registries } = handle.node;
  try {
    const registry = openRegistry(reference, {
      action: 'pull', credentials: await podCredentials(handle, repository), settings: registries, signal: AbortSignal.any([handle.starting, AbortSignal.timeout(registryDeadlineMs)]),
    });
    const found: Signature[] = [];
    const faults: unknown[] = [];
    for (const digest of digests) {
      for (const look of [fetchSignatures, fetchBundles, fetchTaggedBundles]) {
        // A registry may refuse one question, and a mirror have the answer to another.
        const signatures = await look(registry, digest).catch((error: unknown) => void faults.push(error)) ?? [];
        // Whoever may push to the repository can put any number there, which must not push out the good ones.
        const good = signatures.filter((each) => demands.some((demand) => refusalOf(demand, [each], digests, repository) === undefined));
        if (good.length > 0) await images.keepSignatures(digest, good);
        found.push(...signatures);
        if (isEnough(found)) return found;
      }
    }
    if (faults.length > 0) throw faults[0];
    return found;
  } catch (error) {
    if (handle.starting.aborted) throw error;
    throw new StartFailure(refused, `image ${repository} is refused by ${demands[0]?.name ?? ''}: its signatures can't be had: ${messageOf(error)}`, refused);
  }
}
