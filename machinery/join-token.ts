/** What a new node needs to join: which authority to trust, and a bootstrap token to speak with. `K<sha256 of the CA certificate, hex>::<id>.<secret>`. */
export interface JoinToken {
  /** SHA-256 of the authority's certificate (DER), 64 hex digits. */
  readonly caHash: string;
  /** Six characters of [a-z0-9]. */
  readonly id: string;
  /** Sixteen characters of [a-z0-9]. */
  readonly secret: string;
}

const form = /^K([0-9a-f]{64})::([a-z0-9]{6})\.([a-z0-9]{16})$/;

export function formatJoinToken({ caHash, id, secret }: JoinToken): string {
  return `K${caHash}::${id}.${secret}`;
}

/** The bearer token in it. */
export function bootstrapTokenOf({ id, secret }: JoinToken): string {
  return `${id}.${secret}`;
}

/** Undefined: the text is no join token. Space around it is ignored: it comes out of files. */
export function parseJoinToken(text: string): JoinToken | undefined {
  const [, caHash, id, secret] = form.exec(text.trim()) ?? [];
  return caHash === undefined || id === undefined || secret === undefined ? undefined : { caHash, id, secret };
}
