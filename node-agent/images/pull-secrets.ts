import type { Secret } from '../../machinery/kinds/core.ts';
import type { ImageReference } from './reference.ts';
import type { Credentials } from './registry.ts';

/** What a `kubernetes.io/dockerconfigjson` (or old dockercfg) Secret says about an image's registry. Source: "Pull an Image from a Private Registry". */
export function credentialsFor(secret: Secret, reference: ImageReference): readonly Credentials[] {
  return credentialsOfServers({ ...authsOf(fromBase64(secret.data?.['.dockercfg'])), ...fieldsOf(authsOf(fromBase64(secret.data?.['.dockerconfigjson']))['auths']) }, reference);
}

/** The same of a file in the form of Docker's config.json. */
export function credentialsIn(text: string, reference: ImageReference): readonly Credentials[] {
  return credentialsOfServers(fieldsOf(authsOf(text)['auths']), reference);
}

function credentialsOfServers(entries: Fields, reference: ImageReference): readonly Credentials[] {
  return Object.entries(entries).flatMap(([server, entry]) => (serves(server, reference) ? credentialsOf(fieldsOf(entry)) : []));
}

type Fields = Readonly<Record<string, unknown>>;

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}

function fromBase64(base64: string | undefined): string {
  return base64 === undefined ? '{}' : Buffer.from(base64, 'base64').toString('utf8');
}

function authsOf(text: string): Fields {
  try {
    return fieldsOf(JSON.parse(text));
  } catch {
    // What is no JSON gives no credentials; the registry's refusal says the rest.
    return {};
  }
}

/** `https://index.docker.io/v1/`, `registry.example.com`, `*.example.com/team`. */
function serves(server: string, reference: ImageReference): boolean {
  const [host = '', ...path] = server.replace(/^https?:\/\//, '').replace(/\/(v1|v2)\/?$/, '').replace(/\/$/, '').split('/');
  const registry = host === 'index.docker.io' || host === 'registry-1.docker.io' ? 'docker.io' : host;
  const pattern = new RegExp(`^${registry.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&')).join('[^.:]*')}$`);
  const prefix = path.join('/');
  return pattern.test(reference.registry) && (prefix === '' || reference.repository === prefix || reference.repository.startsWith(`${prefix}/`));
}

function credentialsOf(entry: Fields): readonly Credentials[] {
  const { auth, username, password } = entry;
  if (typeof username === 'string' && typeof password === 'string') return [{ username, password }];
  if (typeof auth !== 'string') return [];
  const decoded = fromBase64(auth);
  const colon = decoded.indexOf(':');
  return colon < 0 ? [] : [{ username: decoded.slice(0, colon), password: decoded.slice(colon + 1) }];
}
