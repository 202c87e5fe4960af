import { createHash } from 'node:crypto';
import { fieldOf } from '../../machinery/patch/json-value.ts';
import { partOf, type Maps } from '../schema/openapi-v2-merge.ts';
import { versionThreeOf } from '../schema/openapi-v2-to-v3.ts';
import { ask, type Asked } from './ask.ts';
import type { ExtensionVersion } from './extension-discovery.ts';
import { checker, type Extensions } from './extensions.ts';

/** What extension servers' OpenAPI says of the versions that they serve. They are asked when somebody asks this server. */
export interface ExtensionOpenApi {
  /** Of OpenAPI 2, by priority; the same values as long as the servers' documents are the same. Of a server that doesn't answer, what it said last. */
  parts(): Promise<readonly Maps[]>;
  /** Documents of OpenAPI 3, by `apis/<group>/<version>`: where the server has its own, or the one that is made of what it says in OpenAPI 2 alone. */
  documents(): Promise<ReadonlyMap<string, VersionThree>>;
  /** Has the server at a path (`/openapi/v3/apis/<group>/<version>`) no document of its own there, so that this server answers? */
  isMade(path: string): boolean;
}

export type VersionThree = { readonly url: string } | { readonly made: Buffer };

export interface ExtensionOpenApiOptions {
  readonly extensions: Pick<Extensions, 'versions' | 'at' | 'target'>;
  /** Milliseconds. */
  readonly now: () => number;
  /** What could not be read, and whose it is. */
  readonly report: (error: unknown, name: string) => void;
}

/** A document, as it was read last. */
interface Kept<T> {
  readonly etag?: string;
  /** Of the document's bytes: many servers give no ETag. */
  readonly digest?: string;
  readonly value?: T;
  /** The server says that it has none. */
  readonly isAbsent?: true;
  /** When the server is asked again. */
  readonly due: number;
}

/** How long a document is believed, and how long nothing is asked again. Milliseconds. Source: kube-aggregator. */
const wellMs = 60_000;
const illMs = 5000;
const answerMs = 5000;

export function createExtensionOpenApi(options: ExtensionOpenApiOptions): ExtensionOpenApi {
  const second = keep(options, '/openapi/v2', (document, { group, version }) => partOf(document, `/apis/${group}/${version}/`));
  const third = keep(options, '/openapi/v3', (index, version) => urlIn(index, rootOf(version)));
  const converted = new WeakMap<Maps, Buffer>();
  let made: ReadonlySet<string> = new Set();

  function conversionOf(part: Maps, root: string): Buffer {
    const known = converted.get(part) ?? Buffer.from(JSON.stringify(versionThreeOf(part, root)));
    converted.set(part, known);
    return known;
  }

  async function documents(): Promise<ReadonlyMap<string, VersionThree>> {
    const indexes = await third();
    const parts = indexes.some(({ kept }) => kept.isAbsent) ? await second() : [];
    const found = indexes.flatMap(({ version, kept }): [string, VersionThree][] => {
      const root = rootOf(version);
      const part = kept.isAbsent === true ? parts.find((one) => one.version === version)?.kept.value : undefined;
      if (part !== undefined) return [[root, { made: conversionOf(part, root) }]];
      // Before its index is read the server is believed to have what most have.
      const url = kept.digest === undefined && kept.isAbsent !== true ? `/openapi/v3/${root}` : kept.value;
      return url === undefined || !version.isFresh ? [] : [[root, { url }]];
    });
    made = new Set(found.flatMap(([root, document]) => ('made' in document ? [`/openapi/v3/${root}`] : [])));
    return new Map(found);
  }

  return {
    async parts() {
      return (await second()).flatMap(({ kept }) => kept.value ?? []);
    },
    documents,
    isMade: (path) => made.has(path),
  };
}

function rootOf({ group, version }: Pick<ExtensionVersion, 'group' | 'version'>): string {
  return `apis/${group}/${version}`;
}

/** Where an index of OpenAPI 3 has the document of one version, with the hash by which it may be kept. */
function urlIn(index: unknown, root: string): string | undefined {
  const url = fieldOf(fieldOf(fieldOf(index, 'paths'), root), 'serverRelativeURL');
  return typeof url === 'string' ? url : undefined;
}

interface Found<T> {
  readonly version: ExtensionVersion;
  readonly kept: Kept<T>;
}

/** One document of each version's server, read again when it is due; by priority. */
function keep<T>({ extensions, now, report }: ExtensionOpenApiOptions, path: string, make: (document: unknown, version: ExtensionVersion) => T): () => Promise<readonly Found<T>[]> {
  let all: ReadonlyMap<string, Kept<T>> = new Map();
  let asking: Promise<readonly Found<T>[]> | undefined;

  async function refresh(): Promise<readonly Found<T>[]> {
    const found = await Promise.all(extensions.versions.toSorted(byPriority).map(async (version) => {
      const known = all.get(rootOf(version)) ?? { due: 0 };
      return { version, kept: known.due > now() ? known : await read(version, known) };
    }));
    all = new Map(found.map(({ version, kept }) => [rootOf(version), kept]));
    return found;
  }

  async function read(version: ExtensionVersion, known: Kept<T>): Promise<Kept<T>> {
    const service = extensions.at(`/${rootOf(version)}`);
    const target = service === undefined ? undefined : extensions.target(service, checker, path);
    if (target === undefined) return known;
    try {
      const answer = await ask(target, { accept: 'application/json', ...(known.etag === undefined ? {} : { 'if-none-match': known.etag }) }, AbortSignal.timeout(answerMs));
      return keptOf(answer, known, (document) => make(document, version), now());
    } catch (error) {
      report(error, `${version.version}.${version.group}`);
      return { ...known, due: now() + illMs };
    }
  }

  return () => {
    asking ??= refresh().finally(() => { asking = undefined; });
    return asking;
  };
}

/** Throws when it is no document. */
function keptOf<T>({ code, headers: { etag }, body }: Asked, known: Kept<T>, make: (document: unknown) => T, now: number): Kept<T> {
  const due = now + wellMs;
  if (code === 304) return { ...known, due };
  if (code === 404) return { due, isAbsent: true };
  if (code !== 200) throw new Error(`it is answered with ${code}`);
  const digest = createHash('sha256').update(body).digest('hex');
  const value = known.digest === digest && known.value !== undefined ? known.value : make(JSON.parse(body.toString()));
  return { due, value, digest, ...(etag === undefined ? {} : { etag }) };
}

function byPriority(a: ExtensionVersion, b: ExtensionVersion): number {
  return b.groupPriority - a.groupPriority || (a.group < b.group ? -1 : Number(a.group > b.group)) || b.versionPriority - a.versionPriority || (a.version < b.version ? -1 : 1);
}
