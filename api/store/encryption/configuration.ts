/** Reads an EncryptionConfiguration. Source: "Encrypting Confidential Data at Rest", apiserver.config.k8s.io/v1. */
import type { JsonObject } from '../../../machinery/patch/json-value.ts';
import { configurationReader } from '../../configuration-file.ts';
import { aesCbc, aesGcm, identity, type EncryptionKey, type Provider } from './providers.ts';

/** What is sealed, and how. The first rule that a key falls under counts. */
export interface EncryptionRule {
  /** What the keys begin with: `/registry/core/secrets/`. */
  readonly keyPrefix: string;
  /** The first one seals; all of them open. */
  readonly providers: readonly Provider[];
}

const { document, object, refuse } = configurationReader('encryption configuration');

/** Throws `ConfigurationFileError`. */
export function readEncryptionConfiguration(text: string): readonly EncryptionRule[] {
  const entries = filled(document(text, 'EncryptionConfiguration', 'apiserver.config.k8s.io/v1')['resources'], 'resources');
  return entries.flatMap((entry, i) => {
    const where = `resources[${i}]`;
    const fields = object(entry, where);
    const providers = filled(fields['providers'], `${where}.providers`).flatMap((provider, j) => providersOf(object(provider, `${where}.providers[${j}]`), `${where}.providers[${j}]`));
    return filled(fields['resources'], `${where}.resources`).map((name, j): EncryptionRule => {
      expect(typeof name === 'string' && name !== '', `${where}.resources[${j}]`, 'must name a resource: secrets, deployments.apps, *.apps or *.*');
      return { keyPrefix: keyPrefixOf(String(name)), providers };
    });
  });
}

/** `secrets` → `/registry/core/secrets/`, `*.apps` → `/registry/apps/`, `*.` → `/registry/core/`, `*.*` → `/registry/`. */
function keyPrefixOf(name: string): string {
  const dot = name.indexOf('.');
  const [resource, group] = dot === -1 ? [name, ''] : [name.slice(0, dot), name.slice(dot + 1)];
  if (group === '*') return '/registry/';
  const groupPrefix = `/registry/${group === '' ? 'core' : group}/`;
  return resource === '*' ? groupPrefix : `${groupPrefix}${resource}/`;
}

function providersOf(provider: JsonObject, where: string): Provider[] {
  const [[type, settings] = ['', undefined], ...more] = Object.entries(provider);
  expect(more.length === 0, where, 'names more than one provider');
  switch (type) {
    case 'identity': return [identity];
    case 'aesgcm': return keysOf(settings, `${where}.aesgcm`).map(aesGcm);
    case 'aescbc': return keysOf(settings, `${where}.aescbc`).map(aesCbc);
    default: throw refuse(where, `${JSON.stringify(type)} is not supported: use aesgcm, aescbc (for what it wrote) or identity`);
  }
}

function keysOf(settings: unknown, where: string): EncryptionKey[] {
  const keys = filled(object(settings, where)['keys'], `${where}.keys`);
  return keys.map((each, i) => {
    const { name, secret } = object(each, `${where}.keys[${i}]`);
    expect(typeof name === 'string' && /^[^:]+$/.test(name), `${where}.keys[${i}].name`, 'must be a text without colons');
    expect(typeof secret === 'string', `${where}.keys[${i}].secret`, 'must be base64');
    const bytes = Buffer.from(String(secret), 'base64');
    expect([16, 24, 32].includes(bytes.length), `${where}.keys[${i}].secret`, `must be 16, 24 or 32 bytes in base64, not ${bytes.length}: head -c 32 /dev/urandom | base64`);
    return { name: String(name), secret: bytes };
  });
}

/** A list that says something: an empty one is a slip. */
function filled(value: unknown, where: string): readonly unknown[] {
  if (!Array.isArray(value) || value.length === 0) throw refuse(where, 'must be a list that is not empty');
  return value;
}

function expect(holds: boolean, where: string, what: string): void {
  if (!holds) throw refuse(where, what);
}
