import { isDeepStrictEqual } from 'node:util';
import { isObject } from '../../machinery/patch/json-value.ts';

/**
 * Other servers' documents of OpenAPI 2 in this server's own. Pure. Behaviour: kube-aggregator; of a path that both have, the first
 * counts, and definitions of one name that differ are told apart by `_v2`, `_v3`, ….
 */

export type Members = ReadonlyMap<string, unknown>;
export type Maps = Readonly<Record<'paths' | 'definitions' | 'parameters', Members>>;

/** What of a document is about the paths below `prefix` (`/apis/<group>/<version>/`), and what that refers to. */
export function partOf(document: unknown, prefix: string): Maps {
  const [allDefinitions, allParameters] = [membersOf(document, 'definitions'), membersOf(document, 'parameters')];
  const paths = new Map([...membersOf(document, 'paths')].filter(([path]) => path.startsWith(prefix)));
  const [definitions, parameters] = [new Map<string, unknown>(), new Map<string, unknown>()];
  const due: unknown[] = [...paths.values()];
  const take = (from: Members, to: Map<string, unknown>, name: string | undefined): void => {
    if (name === undefined || to.has(name) || !from.has(name)) return;
    to.set(name, from.get(name));
    due.push(from.get(name));
  };
  // What is found on the way is appended, and looked through in turn.
  for (const value of due) {
    eachReference(value, (reference) => {
      take(allDefinitions, definitions, named(reference, definitionPrefix));
      take(allParameters, parameters, named(reference, parameterPrefix));
    });
  }
  return { paths, definitions, parameters };
}

/** All in one; earlier ones first. */
export function merged(own: Maps, parts: readonly Maps[]): Maps {
  const paths = new Map(own.paths);
  const definitions = new Map(own.definitions);
  const parameters = new Map(own.parameters);
  for (const part of parts) {
    const renamed = new Map([...namesIn(definitions, part.definitions, definitionPrefix), ...namesIn(parameters, part.parameters, parameterPrefix)]);
    const moved = (value: unknown): unknown => (renamed.size === 0 ? value : withReferences(value, renamed));
    for (const [name, value] of part.definitions) {
      const here = nameUnder(renamed, definitionPrefix, name);
      const there = definitions.get(here);
      definitions.set(here, there === undefined ? moved(value) : withKinds(there, value));
    }
    for (const [name, value] of part.parameters) parameters.set(nameUnder(renamed, parameterPrefix, name), moved(value));
    for (const [path, value] of part.paths) if (!paths.has(path)) paths.set(path, moved(value));
  }
  return { paths, definitions, parameters };
}

const definitionPrefix = '#/definitions/';
const parameterPrefix = '#/parameters/';
const kindsExtension = 'x-kubernetes-group-version-kind';

/** References that have to change, with what they become: another value has the name already. */
function namesIn(there: Members, own: Members, prefix: string): [string, string][] {
  return [...own].flatMap(([name, value]): [string, string][] => {
    let free = name;
    for (let version = 2; there.has(free) && !isSame(there.get(free), value); version++) free = `${name}_v${version}`;
    return free === name ? [] : [[prefix + name, prefix + free]];
  });
}

function nameUnder(renamed: ReadonlyMap<string, string>, prefix: string, name: string): string {
  return (renamed.get(prefix + name) ?? prefix + name).slice(prefix.length);
}

/** Definitions that all servers share are told apart by the kinds that they are served as, and by nothing else. */
function isSame(left: unknown, right: unknown): boolean {
  return isDeepStrictEqual(withoutKinds(left), withoutKinds(right));
}

function withoutKinds(value: unknown): unknown {
  // As it would be written: without undefined fields.
  const plain: unknown = JSON.parse(JSON.stringify(value));
  return isObject(plain) ? Object.fromEntries(Object.entries(plain).filter(([key]) => key !== kindsExtension)) : plain;
}

/** A definition with the kinds of both. */
function withKinds(there: unknown, more: unknown): unknown {
  const [known, added] = [kindsOf(there), kindsOf(more)];
  const missing = added.filter((kind) => !known.some((one) => isDeepStrictEqual(one, kind)));
  return missing.length === 0 || !isObject(there) ? there : { ...there, [kindsExtension]: [...known, ...missing] };
}

function kindsOf(value: unknown): readonly unknown[] {
  const kinds: unknown = isObject(value) ? value[kindsExtension] : undefined;
  return Array.isArray(kinds) ? kinds : [];
}

function eachReference(value: unknown, found: (reference: string) => void): void {
  if (Array.isArray(value)) for (const item of value) eachReference(item, found);
  else if (isObject(value)) {
    for (const [key, own] of Object.entries(value)) {
      if (key === '$ref' && typeof own === 'string') found(own);
      else eachReference(own, found);
    }
  }
}

function withReferences(value: unknown, renamed: ReadonlyMap<string, string>): unknown {
  if (Array.isArray(value)) return value.map((item) => withReferences(item, renamed));
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, own]) => [key, key === '$ref' && typeof own === 'string' ? renamed.get(own) ?? own : withReferences(own, renamed)]));
}

function named(reference: string, prefix: string): string | undefined {
  return reference.startsWith(prefix) ? reference.slice(prefix.length) : undefined;
}

function membersOf(document: unknown, field: string): Members {
  const members: unknown = isObject(document) ? document[field] : undefined;
  return new Map(isObject(members) ? Object.entries(members) : []);
}
