import type { Container, Pod } from '../machinery/kinds/core.ts';
import { fieldValue, resourceValue, type PodFacts } from './downward.ts';
import { systemCode, messageOf } from '../machinery/thrown.ts';
import { variableOf } from './env-file.ts';
import type { HeldObjects } from './objects.ts';
import { readInside } from './volumes/read-inside.ts';

/** Where values come from. */
interface Sources extends Pick<HeldObjects, 'configMap' | 'secret'> {
  /** Where a volume's content is on the host. */
  volumePath(name: string): string | undefined;
}
type EnvVar = NonNullable<Container['env']>[number];
type EnvFromSource = NonNullable<Container['envFrom']>[number];

/** Why a container can't be configured: `CreateContainerConfigError`'s message. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/**
 * A container's environment as its spec makes it: envFrom, then env, then the service links that neither has set. Behaviour:
 * "Define environment variables", "dependent environment variables". Throws `ConfigError` in Kubernetes' words.
 */
export async function environmentOf(
  pod: Pod, container: Container, sources: Sources, links: ReadonlyMap<string, string>, facts: PodFacts,
): Promise<ReadonlyMap<string, string>> {
  const variables = new Map<string, string>();
  for (const source of container.envFrom ?? []) {
    for (const [key, value] of await fromObject(source, sources)) variables.set(`${source.prefix ?? ''}${key}`, value);
  }
  const known = (name: string): string | undefined => variables.get(name) ?? links.get(name);
  for (const variable of container.env ?? []) {
    const value = variable.valueFrom === undefined ? expand(variable.value ?? '', known) : await valueFrom(pod, container, variable, sources, facts);
    if (value !== undefined) variables.set(variable.name, value);
  }
  for (const [name, value] of links) if (!variables.has(name)) variables.set(name, value);
  return variables;
}

/** Replaces `$(NAME)`; what isn't known stays as it is, and `$$` is `$`. Source: "Use environment variables to define arguments". */
export function expand(text: string, known: (name: string) => string | undefined): string {
  return text.replace(/\$(\$|\(([^()]*)\))/g, (whole, escaped: string, name: string | undefined) => {
    if (escaped === '$') return '$';
    return known(name ?? '') ?? whole;
  });
}

async function fromObject(source: EnvFromSource, objects: Sources): Promise<readonly (readonly [string, string])[]> {
  const { configMapRef, secretRef } = source;
  if (configMapRef !== undefined) {
    const found = await objects.configMap(configMapRef.name ?? '');
    if (found === undefined && configMapRef.optional !== true) throw new ConfigError(`configmap "${configMapRef.name ?? ''}" not found`);
    return Object.entries(found?.data ?? {});
  }
  if (secretRef === undefined) return [];
  const found = await objects.secret(secretRef.name ?? '');
  if (found === undefined && secretRef.optional !== true) throw new ConfigError(`secret "${secretRef.name ?? ''}" not found`);
  return Object.entries(found?.data ?? {}).map(([key, value]) => [key, Buffer.from(value, 'base64').toString('utf8')]);
}

async function valueFrom(pod: Pod, container: Container, variable: EnvVar, sources: Sources, facts: PodFacts): Promise<string | undefined> {
  const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef } = variable.valueFrom ?? {};
  if (fieldRef !== undefined) return required(fieldValue(pod, fieldRef.fieldPath, facts), `unsupported fieldPath: ${fieldRef.fieldPath}`);
  if (resourceFieldRef !== undefined) return ofContainer(pod, container, resourceFieldRef, facts);
  if (configMapKeyRef !== undefined) return await configMapKey(pod, configMapKeyRef, sources);
  if (secretKeyRef !== undefined) return await secretKey(pod, secretKeyRef, sources);
  if (fileKeyRef !== undefined) return await fileKey(fileKeyRef, sources);
  return undefined;
}

type KeyRef = { readonly name?: string; readonly key: string; readonly optional?: boolean };

async function configMapKey(pod: Pod, ref: KeyRef, objects: Sources): Promise<string | undefined> {
  const name = ref.name ?? '';
  const found = await objects.configMap(name);
  const value = found?.data?.[ref.key];
  if (value !== undefined || ref.optional === true) return value;
  throw new ConfigError(found === undefined ? `configmap "${name}" not found` : `couldn't find key ${ref.key} in ConfigMap ${pod.metadata?.namespace ?? ''}/${name}`);
}

async function secretKey(pod: Pod, ref: KeyRef, objects: Sources): Promise<string | undefined> {
  const name = ref.name ?? '';
  const found = await objects.secret(name);
  const value = found?.data?.[ref.key];
  if (value !== undefined) return Buffer.from(value, 'base64').toString('utf8');
  if (ref.optional === true) return undefined;
  throw new ConfigError(found === undefined ? `secret "${name}" not found` : `couldn't find key ${ref.key} in Secret ${pod.metadata?.namespace ?? ''}/${name}`);
}

type FileKeyRef = NonNullable<NonNullable<EnvVar['valueFrom']>['fileKeyRef']>;

/** Limits of Kubernetes' first versions of env files. */
const longestKey = 128;
const longestValueBytes = 32 * 1024;
/** No environment is larger. */
const largestFileBytes = 2 * 1024 * 1024;

/** An empty value counts as none, as in Kubernetes. */
async function fileKey({ volumeName, path, key, optional }: FileKeyRef, sources: Sources): Promise<string | undefined> {
  const root = sources.volumePath(volumeName);
  if (root === undefined) throw new ConfigError(`cannot find the volume "${volumeName}" referenced by FileKeyRef`);
  if (key.length > longestKey) throw new ConfigError(`environment variable key "${key}" exceeds maximum length of ${longestKey} characters`);
  const value = await readVariable(root, path, key, optional === true);
  if (Buffer.byteLength(value) > longestValueBytes) throw new ConfigError(`environment variable value for key "${key}" exceeds maximum size of 32KB`);
  if (value !== '' || optional === true) return value === '' ? undefined : value;
  throw new ConfigError(`environment variable key "${key}" not found in file`);
}

async function readVariable(root: string, path: string, key: string, isOptional: boolean): Promise<string> {
  try {
    return variableOf(await readInside(root, path, largestFileBytes), key) ?? '';
  } catch (error) {
    const isMissing = systemCode(error) === 'ENOENT';
    if (isMissing && isOptional) return '';
    throw new ConfigError(`couldn't parse env file: ${isMissing ? `${path} does not exist` : messageOf(error)}`, { cause: error });
  }
}

type ResourceRef = { readonly containerName?: string; readonly resource: string; readonly divisor?: string };

function ofContainer(pod: Pod, container: Container, ref: ResourceRef, facts: PodFacts): string {
  const named = ref.containerName === undefined || ref.containerName === '' ? container
    : [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])].find((each) => each.name === ref.containerName);
  if (named === undefined) throw new ConfigError(`container ${ref.containerName ?? ''} not found`);
  return required(resourceValue(named, ref.resource, ref.divisor, facts), `unsupported container resource : ${ref.resource}`);
}

function required(value: string | undefined, message: string): string {
  if (value === undefined) throw new ConfigError(message);
  return value;
}
