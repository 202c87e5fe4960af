/**
 * Keyed cosign signatures. The older form is found here: in the image's repository under a tag made of its digest, each a payload that names
 * the digest and a signature of that payload; bundles.ts finds the newer one. Sources: cosign's SIGNATURE_SPEC (storage, payloads, ECDSA
 * P-256, RSA PKCS #1 v1.5, Ed25519); DSSE's protocol.md; in-toto's Statement v1, with the predicate that `cosign sign` gives it.
 */
import { createPublicKey, verify, type KeyObject } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { textOf } from '../../machinery/patch/json-value.ts';
import { messageOf, systemCode } from '../../machinery/thrown.ts';
import { replaceFile } from '../replace-file.ts';
import { bytesDigest } from './digest.ts';
import { ImageError, unless } from './image-error.ts';
import { manifestTypes, parseJson, parseManifest } from './manifest.ts';
import { parseReference, repositoryOf } from './reference.ts';
import type { Registry } from './registry.ts';

export interface Signature {
  /** What was signed: JSON in simple signing form; in an envelope an in-toto statement. */
  readonly payload: Buffer;
  readonly signature: Buffer;
  /** Of an envelope (DSSE), which signs it too. */
  readonly payloadType?: string;
}

/** What the statement of `cosign sign` says of an image: no more than that it was signed. */
export const signPredicate = 'https://sigstore.dev/cosign/sign/v1';
const simpleSigningType = 'application/vnd.dev.cosign.simplesigning.v1+json';
const signatureAnnotation = 'dev.cosignproject.cosign/signature';
const largestManifest = 1024 * 1024;
/** Of what is signed, and more than a signature has. */
export const largestPayload = 64 * 1024;
/** Looked at, of one image; the last ones are the newest. */
const mostSignatures = 50;
const mostKept = 200;

/** Those that the registry has for a digest; none when it has no such tag. Throws `ImageError`. */
export async function fetchSignatures(registry: Pick<Registry, 'document'>, digest: string): Promise<readonly Signature[]> {
  const tag = `${digest.replace(':', '-')}.sig`;
  const found = await unless(['NotFound'], registry.document(`manifests/${tag}`, manifestTypes, largestManifest));
  if (found === undefined) return [];
  const { layers } = parseManifest(parseJson(found.body, tag), tag);
  const signatures: Signature[] = [];
  for (const layer of layers.filter(({ mediaType }) => mediaType === simpleSigningType).slice(-mostSignatures)) {
    const signature = Buffer.from(layer.annotations[signatureAnnotation] ?? '', 'base64');
    const { body: payload } = await registry.document(`blobs/${layer.digest}`, [], largestPayload);
    if (bytesDigest(payload) !== layer.digest) throw new ImageError('Corrupt', `a signature's payload ${layer.digest} has other bytes than its digest says`);
    if (signature.length > 0) signatures.push({ payload, signature });
  }
  return signatures;
}

/** Remembered beside the images: what was verified once is verified again without the registry. It proves itself; the file is not trusted. */
export async function readSignatures(path: string): Promise<readonly Signature[]> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return '[]';
    throw error;
  });
  const value: unknown = JSON.parse(text);
  if (!Array.isArray(value)) throw new TypeError(`${path} is not what this program writes: remove it`);
  return value.map((each: unknown) => {
    const { payload, signature, payloadType } = Object(each) as Partial<Record<string, unknown>>;
    return { payload: Buffer.from(String(payload), 'base64'), signature: Buffer.from(String(signature), 'base64'), ...(typeof payloadType === 'string' ? { payloadType } : {}) };
  });
}

/** Adds to those that are there, which may be of other repositories that have the image: the last ones are the newest. */
export async function addSignatures(path: string, signatures: readonly Signature[]): Promise<void> {
  const known = new Map([...await readSignatures(path), ...signatures].map((each) => [`${each.payloadType ?? ''} ${each.payload.toString('base64')} ${each.signature.toString('base64')}`, each]));
  await writeSignatures(path, [...known.values()].slice(-mostKept));
}

async function writeSignatures(path: string, signatures: readonly Signature[]): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await replaceFile(path, JSON.stringify(signatures.map(({ payload, signature, payloadType }) => ({ payloadType, payload: payload.toString('base64'), signature: signature.toString('base64') }))));
}

/** What a good signature is of. */
export interface SignedImage {
  readonly digests: readonly string[];
  /** The repository that it was signed for; absent: the signature names none, as in cosign's bundles. */
  readonly repository?: string;
}

/** What a signature of this key says; a text is why it is none. Pure. */
export function checkSignature({ payload, signature, payloadType }: Signature, key: KeyObject): SignedImage | string {
  const algorithm = key.asymmetricKeyType === 'ed25519' ? null : 'sha256';
  if (!verify(algorithm, payloadType === undefined ? payload : enveloped(payload, payloadType), key, signature)) return 'a signature was made with another key';
  return payloadType === undefined ? signedName(payload) : signedStatement(payload, payloadType);
}

/** Nothing can be taken for something else that the key has signed. Source: DSSE, "Pre-Authentication Encoding". */
function enveloped(payload: Buffer, payloadType: string): Buffer {
  return Buffer.concat([Buffer.from(`DSSEv1 ${Buffer.byteLength(payloadType)} ${payloadType} ${payload.length} `), payload]);
}

const notOfAnImage = 'a signature is not one of a container image';

function signedStatement(payload: Buffer, payloadType: string): SignedImage | string {
  if (payloadType !== 'application/vnd.in-toto+json') return notOfAnImage;
  const { _type: type, predicateType, subject } = parseJson(payload, 'the statement of a signature');
  // Keys sign other statements on images too: how they were built, what is in them.
  if (type !== 'https://in-toto.io/Statement/v1' || predicateType !== signPredicate || !Array.isArray(subject)) return notOfAnImage;
  const digests = subject.map((each: unknown) => `sha256:${textOf(Reflect.get(Object(Reflect.get(Object(each), 'digest')), 'sha256'))}`);
  return { digests };
}

function signedName(payload: Buffer): SignedImage | string {
  const { critical } = parseJson(payload, 'the payload of a signature') as { readonly critical?: Partial<Record<string, unknown>> };
  const { type, identity, image } = Object(critical) as Partial<Record<string, unknown>>;
  const digest: unknown = Reflect.get(Object(image), 'docker-manifest-digest');
  const name: unknown = Reflect.get(Object(identity), 'docker-reference');
  if (type !== 'cosign container image signature' || typeof digest !== 'string' || typeof name !== 'string') return notOfAnImage;
  const reference = parseReference(name);
  return reference === undefined ? `a signature is for "${name}", which names no image` : { digests: [digest], repository: repositoryOf(reference) };
}

/** Weaker RSA keys are refused. */
const leastRsaBits = 2048;

/** A public key in PEM, of a kind that signatures are verified with. Throws with the reason. */
export function readPublicKey(pem: string): KeyObject {
  let key: KeyObject;
  try {
    key = createPublicKey(pem);
  } catch (error) {
    throw new Error(`it is no public key in PEM: ${messageOf(error)}`, { cause: error });
  }
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  const isTaken = type === 'ed25519' || (type === 'ec' && details?.namedCurve === 'prime256v1') || (type === 'rsa' && (details?.modulusLength ?? 0) >= leastRsaBits);
  if (!isTaken) throw new Error(`it is neither ECDSA P-256, nor RSA of ${leastRsaBits} bits or more, nor Ed25519`);
  return key;
}
