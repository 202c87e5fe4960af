import type { Container, Pod } from '../machinery/kinds/core.ts';
import { fieldValue, resourceValue, type PodFacts } from './downward.ts';
import type { HeldObjects } from './objects.ts';

type Objects = Pick<HeldObjects, 'configMap' | 'secret'>;
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
  pod: Pod, container: Container, objects: Objects, links: ReadonlyMap<string, string>, facts: PodFacts,
): Promise<ReadonlyMap<string, string>> {
  const variables = new Map<string, string>();
  for (const source of container.envFrom ?? []) {
    for (const [key, value] of await fromObject(source, objects)) variables.set(`${source.prefix ?? ''}${key}`, value);
  }
  const known = (name: string): string | undefined => variables.get(name) ?? links.get(name);
  for (const variable of container.env ?? []) {
    const value = variable.valueFrom === undefined ? expand(variable.value ?? '', known) : await valueFrom(pod, container, variable, objects, facts);
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

async function fromObject(source: EnvFromSource, objects: Objects): Promise<readonly (readonly [string, string])[]> {
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

async function valueFrom(pod: Pod, container: Container, variable: EnvVar, objects: Objects, facts: PodFacts): Promise<string | undefined> {
  const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef } = variable.valueFrom ?? {};
  if (fieldRef !== undefined) return required(fieldValue(pod, fieldRef.fieldPath, facts), `unsupported fieldPath: ${fieldRef.fieldPath}`);
  if (resourceFieldRef !== undefined) return ofContainer(pod, container, resourceFieldRef, facts);
  if (configMapKeyRef !== undefined) return await configMapKey(pod, configMapKeyRef, objects);
  if (secretKeyRef !== undefined) return await secretKey(pod, secretKeyRef, objects);
  return undefined;
}

type KeyRef = { readonly name?: string; readonly key: string; readonly optional?: boolean };

async function configMapKey(pod: Pod, ref: KeyRef, objects: Objects): Promise<string | undefined> {
  const name = ref.name ?? '';
  const found = await objects.configMap(name);
  const value = found?.data?.[ref.key];
  if (value !== undefined || ref.optional === true) return value;
  throw new ConfigError(found === undefined ? `configmap "${name}" not found` : `couldn't find key ${ref.key} in ConfigMap ${pod.metadata?.namespace ?? ''}/${name}`);
}

async function secretKey(pod: Pod, ref: KeyRef, objects: Objects): Promise<string | undefined> {
  const name = ref.name ?? '';
  const found = await objects.secret(name);
  const value = found?.data?.[ref.key];
  if (value !== undefined) return Buffer.from(value, 'base64').toString('utf8');
  if (ref.optional === true) return undefined;
  throw new ConfigError(found === undefined ? `secret "${name}" not found` : `couldn't find key ${ref.key} in Secret ${pod.metadata?.namespace ?? ''}/${name}`);
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
