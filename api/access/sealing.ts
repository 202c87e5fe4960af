import { createCipheriv, createDecipheriv, randomBytes, scrypt } from 'node:crypto';

/** Secrets at rest under the cluster's token: AES-256-GCM, the key derived by scrypt (RFC 7914). */

/** A sealed secret as it is stored; binary parts in base64. */
export interface Sealed {
  readonly salt: string;
  readonly cost: number;
  readonly iv: string;
  readonly tag: string;
  readonly data: string;
}

/** The cluster's token is not the one that a secret was sealed with. */
export class WrongTokenError extends Error {
  constructor(options?: ErrorOptions) {
    super("the token does not open this cluster's keys: use the token of the server that created the cluster (server-token in its data directory)", options);
    this.name = 'WrongTokenError';
  }
}

/** The store is not the one that this data directory's cluster was in. */
export class OtherClusterError extends Error {
  constructor(dataDir: string, found: 'none' | 'another') {
    super(`the store holds ${found === 'none' ? 'no cluster' : 'another cluster'}, and ${dataDir} belongs to one that was in a store before: go back to its own store, or choose another data directory`);
    this.name = 'OtherClusterError';
  }
}

const cost = 16_384;
const blockSize = 8;
const maxMemoryBytes = 256 * 1024 * 1024;

/** The key of a token; runs in libuv's pool, about 40 ms. */
export function deriveKey(token: string, salt: Buffer, workFactor = cost): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(token, salt, 32, { N: workFactor, r: blockSize, p: 1, maxmem: maxMemoryBytes }, (error, key) => {
      if (error === null) resolve(key);
      else reject(error);
    });
  });
}

export interface SealingKey {
  readonly key: Buffer;
  readonly salt: Buffer;
}

export async function newSealingKey(token: string): Promise<SealingKey> {
  const salt = randomBytes(16);
  return { salt, key: await deriveKey(token, salt) };
}

/** `name` is bound to the secret: what was sealed under one name does not open under another. */
export function seal({ key, salt }: SealingKey, name: string, text: string): Sealed {
  const iv = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(name));
  const data = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  return { salt: salt.toString('base64'), cost, iv: iv.toString('base64'), tag: cipher.getAuthTag().toString('base64'), data: data.toString('base64') };
}

/** Throws `WrongTokenError`. */
export function unseal(key: Buffer, name: string, sealed: Sealed): string {
  const decipher = createDecipheriv('aes-256-gcm', key, Buffer.from(sealed.iv, 'base64'), { authTagLength: 16 });
  decipher.setAAD(Buffer.from(name)).setAuthTag(Buffer.from(sealed.tag, 'base64'));
  try {
    return Buffer.concat([decipher.update(sealed.data, 'base64'), decipher.final()]).toString('utf8');
  } catch (cause) {
    throw new WrongTokenError({ cause });
  }
}
