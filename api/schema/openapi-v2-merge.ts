import { createHash } from 'node:crypto';
import { isObject } from '../../machinery/patch/json-value.ts';
import { sortedJson } from '../../machinery/sorted-json.ts';
import type { Pause } from './openapi-pieces.ts';

/**
 * Other servers' documents of OpenAPI 2 in this server's own. Pure. Behaviour: kube-aggregator; of a path that both have, the first
 * counts, and definitions of one name that differ are told apart by `_v2`, `_v3`, ….
 */

export type Members = ReadonlyMap<string, unknown>;
export type Maps = Readonly<Record<'paths' | 'definitions' | 'parameters', Members>>;

/** What of a document is about the paths below `prefix` (`/apis/<group>/<version>/`), and what that refers to. */
export function partOf(document: Maps, prefix: string): Maps {
  const paths = new Map([...document.paths].filter(([path]) => path.startsWith(prefix)));
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
      take(document.definitions, definitions, named(reference, definitionPrefix));
      take(document.parameters, parameters, named(reference, parameterPrefix));
    });
  }
  return { paths, definitions, parameters };
}

/** All in one; earlier ones first. */
export async function merged(own: Maps, parts: readonly Maps[], pause: Pause): Promise<Maps> {
  const paths = new Map(own.paths);
  const [definitions, parameters] = [growing(own.definitions), growing(own.parameters)];
  for (const part of parts) {
    const renamed = new Map([...await namesIn(definitions, part.definitions, definitionPrefix, pause), ...await namesIn(parameters, part.parameters, parameterPrefix, pause)]);
    const moved = (value: unknown): unknown => (renamed.size === 0 ? value : withReferences(value, renamed));
    for (const [name, value] of part.definitions) {
      const here = nameUnder(renamed, definitionPrefix, name);
      const there = definitions.members.get(here);
      definitions.members.set(here, there === undefined ? moved(value) : withKinds(there, value));
      await pause();
    }
    for (const [name, value] of part.parameters) parameters.members.set(nameUnder(renamed, parameterPrefix, name), moved(value));
    for (const [path, value] of part.paths) {
      if (!paths.has(path)) paths.set(path, moved(value));
      await pause();
    }
  }
  return { paths, definitions: definitions.members, parameters: parameters.members };
}

const definitionPrefix = '#/definitions/';
const parameterPrefix = '#/parameters/';
const kindsExtension = 'x-kubernetes-group-version-kind';

/** What others are added to: who has a name already keeps it. */
interface Growing {
  readonly members: Map<string, unknown>;
  /** Of the member of that name. */
  readonly digest: (name: string) => string;
}

function growing(own: Members): Growing {
  const members = new Map(own);
  return { members, digest: digests(members) };
}

/** References that have to change, with what they become: another value has the name already. */
async function namesIn(there: Growing, own: Members, prefix: string, pause: Pause): Promise<[string, string][]> {
  const digest = digests(own);
  const renamed: [string, string][] = [];
  for (const name of own.keys()) {
    const isTaken = (free: string): boolean => (free !== name && own.has(free)) || (there.members.has(free) && there.digest(free) !== digest(name));
    let free = name;
    for (let version = 2; isTaken(free); version++) {
      free = `${name}_v${version}`;
      await pause();
    }
    if (free !== name) renamed.push([prefix + name, prefix + free]);
  }
  return renamed;
}

function nameUnder(renamed: ReadonlyMap<string, string>, prefix: string, name: string): string {
  return (renamed.get(prefix + name) ?? prefix + name).slice(prefix.length);
}

/** By name, each made once. Equal are definitions that all servers share: they are told apart by the kinds that they are served as, and by nothing else. */
function digests(members: Members): (name: string) => string {
  const known = new Map<string, string>();
  return (name) => {
    const digest = known.get(name) ?? createHash('sha256').update(canonical(withoutKinds(members.get(name)))).digest('base64');
    known.set(name, digest);
    return digest;
  };
}

/** As it would be written, whatever the order of its fields. */
function canonical(value: unknown): string {
  return value === undefined ? '' : sortedJson(value);
}

function withoutKinds(value: unknown): unknown {
  return isObject(value) ? Object.fromEntries(Object.entries(value).filter(([key]) => key !== kindsExtension)) : value;
}

/** A definition with the kinds of both. */
function withKinds(there: unknown, more: unknown): unknown {
  const known = kindsOf(there);
  const said = new Set(known.map(canonical));
  const missing = kindsOf(more).filter((kind) => !said.has(canonical(kind)));
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
