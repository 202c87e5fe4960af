/** How one value is sealed. The form is Kubernetes': `k8s:enc:<provider>:v1:<key>:` and the sealed bytes. Pure but for randomness. */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

export interface EncryptionKey {
  readonly name: string;
  /** 16, 24 or 32 bytes. */
  readonly secret: Buffer;
}

/** One way to seal, with one key. The key of the store's entry is bound to the value: it can't be moved to another name. */
export interface Provider {
  /** What sealed values begin with; '' for values that are not sealed. */
  readonly prefix: string;
  seal(key: string, value: Buffer): Buffer;
  /** Of what follows the prefix. Throws when the value was changed, is another entry's or was sealed with another key. */
  open(key: string, sealed: Buffer): Buffer;
}

const sealedPrefix = 'k8s:enc:';
const nonceBytes = 12;
const tagBytes = 16;
const blockBytes = 16;

/** Is it sealed by any provider? A JSON value never begins so. */
export function isSealed(value: Buffer): boolean {
  return value.length > sealedPrefix.length && value.toString('latin1', 0, sealedPrefix.length) === sealedPrefix;
}

export const identity: Provider = { prefix: '', seal: (_key, value) => value, open: (_key, value) => value };

/** AES in Galois counter mode, authenticated: a random nonce of 96 bits per write. */
export function aesGcm({ name, secret }: EncryptionKey): Provider {
  const algorithm = `aes-${bits(secret)}-gcm` as const;
  return {
    prefix: `${sealedPrefix}aesgcm:v1:${name}:`,
    seal(key, value) {
      const nonce = randomBytes(nonceBytes);
      const cipher = createCipheriv(algorithm, secret, nonce, { authTagLength: tagBytes });
      cipher.setAAD(Buffer.from(key));
      return Buffer.concat([nonce, cipher.update(value), cipher.final(), cipher.getAuthTag()]);
    },
    open(key, sealed) {
      if (sealed.length < nonceBytes + tagBytes) throw new Error('the sealed value is cut off');
      const decipher = createDecipheriv(algorithm, secret, sealed.subarray(0, nonceBytes), { authTagLength: tagBytes });
      decipher.setAAD(Buffer.from(key));
      decipher.setAuthTag(sealed.subarray(sealed.length - tagBytes));
      return Buffer.concat([decipher.update(sealed.subarray(nonceBytes, sealed.length - tagBytes)), decipher.final()]);
    },
  };
}

/** AES in cipher block chaining, not authenticated: for what an earlier configuration wrote. */
export function aesCbc({ name, secret }: EncryptionKey): Provider {
  const algorithm = `aes-${bits(secret)}-cbc` as const;
  return {
    prefix: `${sealedPrefix}aescbc:v1:${name}:`,
    seal(_key, value) {
      const start = randomBytes(blockBytes);
      const cipher = createCipheriv(algorithm, secret, start);
      return Buffer.concat([start, cipher.update(value), cipher.final()]);
    },
    open(_key, sealed) {
      if (sealed.length < blockBytes) throw new Error('the sealed value is cut off');
      const decipher = createDecipheriv(algorithm, secret, sealed.subarray(0, blockBytes));
      return Buffer.concat([decipher.update(sealed.subarray(blockBytes)), decipher.final()]);
    },
  };
}

function bits(secret: Buffer): 128 | 192 | 256 {
  switch (secret.length) {
    case 16: return 128;
    case 24: return 192;
    case 32: return 256;
    default: throw new Error(`an AES key has 16, 24 or 32 bytes, not ${secret.length}`);
  }
}
