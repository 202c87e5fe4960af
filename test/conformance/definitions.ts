/** CustomResourceDefinitions of a test: under a group that no other test has, gone at the end. */
import { randomBytes } from 'node:crypto';
import type { Client } from '../../client/client.ts';
import { CustomResourceDefinition, type DefinitionConversion, type DefinitionVersion } from '../../machinery/kinds/apiextensions.ts';
import { defineKind, type Kind, type KubernetesObject } from '../../machinery/kinds/kind.ts';
import { watching } from './watching.ts';

export interface CustomObject extends KubernetesObject {
  readonly [field: string]: unknown;
}

export interface DefinitionOptions {
  readonly group?: string;
  /** Its plural is in lower case, with an s. */
  readonly kind?: string;
  readonly scope?: 'Namespaced' | 'Cluster';
  readonly labels?: Readonly<Record<string, string>>;
  readonly conversion?: DefinitionConversion;
  /** `served` and `storage` are true, the schema takes everything, unless they say otherwise. */
  readonly versions?: readonly (Partial<DefinitionVersion> & { readonly name: string })[];
}

export interface Defined extends AsyncDisposable {
  readonly name: string;
  readonly group: string;
  /** As one of its versions; absent: v1. */
  as(version?: string): Kind<CustomObject>;
}

export const takesEverything = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };

/** A name that no other test uses. */
export function unique(name: string): string {
  return `${name}-${randomBytes(4).toString('hex')}`;
}

export function definition({ group = `${unique('group')}.example.com`, kind = 'Thing', scope = 'Namespaced', labels = {}, conversion, versions = [{ name: 'v1' }] }: DefinitionOptions): CustomResourceDefinition {
  const singular = kind.toLowerCase();
  return {
    metadata: { name: `${singular}s.${group}`, labels },
    spec: {
      group, scope, names: { plural: `${singular}s`, singular, kind, listKind: `${kind}List` }, ...(conversion === undefined ? {} : { conversion }),
      versions: versions.map((version) => ({ served: true, storage: true, schema: { openAPIV3Schema: takesEverything }, ...version })),
    },
  };
}

/** Resolves when its objects are served. */
export async function define(client: Client, options: DefinitionOptions = {}): Promise<Defined> {
  const created = await client.create(CustomResourceDefinition, definition(options));
  const name = created.metadata?.name ?? '';
  await using watch = watching(client, CustomResourceDefinition, { fieldSelector: `metadata.name=${name}` });
  await watch.until('CHANGED', ({ status }) => status?.conditions?.some((condition) => condition.type === 'Established' && condition.status === 'True') === true);
  const { spec: { group, names, scope } } = created;
  return {
    name, group,
    as: (version = 'v1') => defineKind<CustomObject>(group, version, names.kind, names.plural, scope === 'Cluster' ? 'Cluster' : 'Namespaced'),
    async [Symbol.asyncDispose]() {
      await client.delete(CustomResourceDefinition, { name });
    },
  };
}
