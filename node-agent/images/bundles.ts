/**
 * Keyed signatures in cosign 3's form: Sigstore bundles beside the image, found as what refers to its manifest, which registries that keep no
 * such lists have under a tag made of the image's digest. Sources: cosign's BUNDLE_SPEC; Sigstore's bundle format 0.3; OCI distribution-spec 1.1.
 */
import { textOf } from '../../machinery/patch/json-value.ts';
import { bytesDigest } from './digest.ts';
import { unless } from './image-error.ts';
import { descriptorsOf, indexTypes, manifestTypes, parseJson, parseManifest, type Descriptor } from './manifest.ts';
import type { Registry } from './registry.ts';
import { largestPayload, signPredicate, type Signature } from './signatures.ts';

type Source = Pick<Registry, 'document' | 'referrers'>;

/** Followed by the format's version. */
const bundleType = 'application/vnd.dev.sigstore.bundle';
/** Some registries take the type of a manifest's config, which is empty here, for the type of what it is. */
const emptyType = 'application/vnd.oci.empty.v1+json';
const predicateAnnotation = 'dev.sigstore.bundle.predicateType';
const createdAnnotation = 'org.opencontainers.image.created';
const largestDocument = 1024 * 1024;
/** Looked at, of one image. */
const mostBundles = 50;

/** The envelopes in bundles that refer to a digest, the newest first. Throws `ImageError` when the registry can't be asked. */
export async function fetchBundles(registry: Source, digest: string): Promise<readonly Signature[]> {
  return envelopesIn(registry, await registry.referrers(digest, largestDocument));
}

/** The same where what refers to a digest is listed under a tag. Source: "Referrers Tag Schema". */
export async function fetchTaggedBundles(registry: Source, digest: string): Promise<readonly Signature[]> {
  const tag = digest.replace(':', '-');
  const list = await unless(['NotFound'], registry.document(`manifests/${tag}`, [indexTypes[0]], largestDocument));
  const { manifests } = list === undefined ? {} : parseJson(list.body, tag);
  return envelopesIn(registry, Array.isArray(manifests) ? manifests : []);
}

async function envelopesIn(registry: Source, entries: readonly unknown[]): Promise<readonly Signature[]> {
  const known = entries.filter((each) => textOf(Reflect.get(Object(each), 'digest')).startsWith('sha256:'));
  const candidates = descriptorsOf({ manifests: known }, 'the list of what refers to an image').filter(mayBeSignature).toSorted(newestFirst).slice(0, mostBundles);
  const found: Signature[] = [];
  for (const candidate of candidates) {
    // Anything may refer to an image: what is none of ours, or not there any more, says nothing against the others.
    const signature = await unless(['NotFound', 'Corrupt'], signatureIn(registry, candidate.digest));
    if (signature !== undefined) found.push(signature);
  }
  return found;
}

/** Of a list that tells of its entries as much as its registry likes. */
function mayBeSignature({ artifactType = '', annotations }: Descriptor): boolean {
  const predicate = annotations[predicateAnnotation];
  return (artifactType === '' || artifactType === emptyType || artifactType.startsWith(bundleType)) && (predicate === undefined || predicate === signPredicate);
}

/** Times are in UTC: their texts sort as they do. */
function newestFirst(a: Descriptor, b: Descriptor): number {
  const [first, second] = [a.annotations[createdAnnotation] ?? '', b.annotations[createdAnnotation] ?? ''];
  return first > second ? -1 : Number(first < second);
}

async function signatureIn(registry: Source, digest: string): Promise<Signature | undefined> {
  const { layers: [layer, ...more] } = parseManifest(parseJson((await registry.document(`manifests/${digest}`, manifestTypes, largestDocument)).body, digest), digest);
  if (layer === undefined || more.length > 0 || !layer.mediaType.startsWith(bundleType)) return undefined;
  const { body } = await registry.document(`blobs/${layer.digest}`, [], largestDocument);
  if (bytesDigest(body) !== layer.digest) return undefined;
  return envelopeOf(parseJson(body, `the bundle ${layer.digest}`));
}

/** A bundle's envelope has one signature. Bundles that sign bytes without an envelope are of files, not of images. */
function envelopeOf({ dsseEnvelope }: Readonly<Record<string, unknown>>): Signature | undefined {
  const { payload, payloadType, signatures } = Object(dsseEnvelope) as Partial<Record<string, unknown>>;
  const [signature, ...more]: readonly unknown[] = Array.isArray(signatures) ? signatures : [];
  const text: unknown = Reflect.get(Object(signature), 'sig');
  if (typeof payload !== 'string' || typeof payloadType !== 'string' || typeof text !== 'string' || more.length > 0) return undefined;
  const found = { payload: Buffer.from(payload, 'base64'), payloadType, signature: Buffer.from(text, 'base64') };
  return found.payload.length + found.signature.length + payloadType.length > largestPayload ? undefined : found;
}
