import type { Package } from './parse.ts';
import { compareVersions } from './versions.ts';

type Relation = '<' | '<=' | '=' | '>=' | '>';

/** What is looked for: a package, or some of its versions. */
export interface PackageQuery {
  readonly name: string;
  readonly version?: { readonly relation: Relation; readonly than: string };
}

const holds: Readonly<Record<Relation, (order: number) => boolean>> = {
  '<': (order) => order < 0, '<=': (order) => order <= 0, '=': (order) => order === 0, '>=': (order) => order >= 0, '>': (order) => order > 0,
};

const doubled: ReadonlyMap<string, Relation> = new Map([['<<', '<'], ['>>', '>'], ['==', '=']]);

/** `openssl`, `openssl<3.0.11-1`, `@babel/core>=7`; `<<`, `>>` and `==` as other tools write them; undefined when it is none of these. */
export function parseQuery(text: string): PackageQuery | undefined {
  const [, name = '', relation, than = ''] = /^(@?[A-Za-z0-9][\w.+/-]*?)(?:\s*(<=|>=|<<|>>|==|<|>|=)\s*([^\s<>=]\S*))?$/.exec(text.trim()) ?? [];
  if (name === '') return undefined;
  return relation === undefined ? { name } : { name, version: { relation: (doubled.get(relation) ?? relation) as Relation, than } };
}

/** By its own name or by that of what it was built from; versions by the rules of its ecosystem. */
export function matchesQuery({ name, source, version, ecosystem }: Package, query: PackageQuery): boolean {
  if (name !== query.name && source !== query.name) return false;
  return query.version === undefined || holds[query.version.relation](compareVersions(ecosystem, version, query.version.than));
}
