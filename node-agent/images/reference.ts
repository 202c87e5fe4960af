/** An image's name, in full. Grammar and defaults: the distribution project's reference, as Docker and containerd read it. */
export interface ImageReference {
  /** `docker.io`, `registry.example.com:5000`. */
  readonly registry: string;
  /** `library/busybox`. */
  readonly repository: string;
  readonly tag?: string;
  /** `sha256:…`; with a tag as well, the digest decides. */
  readonly digest?: string;
}

const component = '[a-z0-9]+(?:(?:[.]|_|__|-+)[a-z0-9]+)*';
const repositoryPattern = new RegExp(`^${component}(?:/${component})*$`);
const hostPattern = /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\[[0-9a-fA-F:]+\])(?::\d{1,5})?$/;
const tagPattern = /^\w[\w.-]{0,127}$/;
const digestPattern = /^sha256:[0-9a-f]{64}$/;
const longestName = 255;

/** Reads a name as users write it; `undefined` when it is none. `busybox` means `docker.io/library/busybox:latest`. */
export function parseReference(text: string): ImageReference | undefined {
  const [name = '', digest, ...rest] = text.split('@');
  if (rest.length > 0 || (digest !== undefined && !digestPattern.test(digest))) return undefined;
  const colon = name.lastIndexOf(':');
  const hasTag = colon > name.lastIndexOf('/');
  const tag = hasTag ? name.slice(colon + 1) : undefined;
  if (tag !== undefined && !tagPattern.test(tag)) return undefined;
  const place = splitRegistry(hasTag ? name.slice(0, colon) : name);
  if (place === undefined) return undefined;
  const named = tag ?? (digest === undefined ? 'latest' : undefined);
  return { ...place, ...(named === undefined ? {} : { tag: named }), ...(digest === undefined ? {} : { digest }) };
}

function splitRegistry(name: string): Pick<ImageReference, 'registry' | 'repository'> | undefined {
  const slash = name.indexOf('/');
  const first = slash === -1 ? '' : name.slice(0, slash);
  const isHost = first === 'localhost' || /[.:A-Z]/.test(first);
  const registry = !isHost || first === 'index.docker.io' ? 'docker.io' : first;
  const path = isHost ? name.slice(slash + 1) : name;
  const repository = registry === 'docker.io' && !path.includes('/') ? `library/${path}` : path;
  const valid = repositoryPattern.test(repository) && hostPattern.test(registry) && `${registry}/${repository}`.length <= longestName;
  return valid ? { registry, repository } : undefined;
}

/** `docker.io/library/busybox`. */
export function repositoryOf(reference: ImageReference): string {
  return `${reference.registry}/${reference.repository}`;
}

/** The one spelling of a name: `docker.io/library/busybox:1.36`, with the digest when there is one. */
export function formatReference(reference: ImageReference): string {
  const tag = reference.tag === undefined ? '' : `:${reference.tag}`;
  const digest = reference.digest === undefined ? '' : `@${reference.digest}`;
  return `${repositoryOf(reference)}${tag}${digest}`;
}

/** What a name is kept under: a digest makes the tag meaningless. */
export function referenceKey(reference: ImageReference): string {
  return reference.digest === undefined ? formatReference(reference) : `${repositoryOf(reference)}@${reference.digest}`;
}
