import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { APIService } from '../../machinery/kinds/api-registration.ts';
import { fieldOf } from '../../machinery/patch/json-value.ts';
import { inOrder } from '../discovery/groups.ts';
import { createPause } from '../schema/openapi-pieces.ts';
import { readDocument } from '../schema/openapi-v2-document.ts';
import { partOf, type Maps } from '../schema/openapi-v2-merge.ts';
import { versionThreeOf } from '../schema/openapi-v2-to-v3.ts';
import type { Asked } from './ask.ts';
import type { ExtensionVersion } from './extension-discovery.ts';
import { checker, type Extensions } from './extensions.ts';

/**
 * What extension servers' OpenAPI says of the versions that they serve. They are asked when somebody asks this server, who waits for
 * them a moment, but not for one that let others wait in vain: that goes on beside, for who asks next.
 */
export interface ExtensionOpenApi {
  /** Of OpenAPI 2, by priority; the same values as long as the servers' documents are the same. Of a server that doesn't answer, or with no document that can be told on, what it said last. */
  parts(): Promise<readonly Maps[]>;
  /** Documents of OpenAPI 3, by `apis/<group>/<version>`: where the server has its own, or the one that is made of what it says in OpenAPI 2 alone. */
  documents(): Promise<ReadonlyMap<string, VersionThree>>;
  /** Has the server at a path (`/openapi/v3/apis/<group>/<version>`) no document of its own there, so that this server answers? */
  isMade(path: string): boolean;
}

export type VersionThree = { readonly url: string } | { readonly made: Buffer };

export interface ExtensionOpenApiOptions {
  readonly extensions: Pick<Extensions, 'versions' | 'at' | 'target' | 'ask'>;
  /** Milliseconds. */
  readonly now: () => number;
  /** What could not be read, and whose it is. */
  readonly report: (error: unknown, name: string) => void;
  /** Resolves when whoever asks has waited long enough. Default: after a second. */
  readonly patience?: (signal: AbortSignal) => Promise<unknown>;
}

/** A server's document, as it was read last. */
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
/** Servers that are asked at once: each answer may be large. */
const width = 4;

export function createExtensionOpenApi(options: ExtensionOpenApiOptions): ExtensionOpenApi {
  const second = keep(options, '/openapi/v2', (body) => readDocument(body, createPause()));
  const third = keep(options, '/openapi/v3', async (body): Promise<unknown> => JSON.parse(body.toString()));
  const cut = new WeakMap<Maps, Map<string, Maps>>();
  const converted = new WeakMap<Maps, Buffer | undefined>();
  let made: ReadonlySet<string> = new Set();

  /** What of a server's document is about one of its versions. */
  function partFor({ version, kept: { value } }: Found<Maps>): Maps | undefined {
    if (value === undefined) return undefined;
    const root = rootOf(version);
    const parts = cut.get(value) ?? new Map<string, Maps>();
    const part = parts.get(root) ?? partOf(value, `/${root}/`);
    cut.set(value, parts.set(root, part));
    return part;
  }

  /** Undefined: there can't be any. */
  function conversionOf(part: Maps, { version, group }: ExtensionVersion): Buffer | undefined {
    if (converted.has(part)) return converted.get(part);
    let text: Buffer | undefined;
    try {
      text = Buffer.from(JSON.stringify(versionThreeOf(part, rootOf({ version, group }))));
    } catch (error) {
      options.report(error, `${version}.${group}`);
    }
    converted.set(part, text);
    return text;
  }

  async function documents(): Promise<ReadonlyMap<string, VersionThree>> {
    const indexes = await third();
    const parts = indexes.some(({ kept }) => kept.isAbsent) ? await second() : [];
    const found = indexes.flatMap(({ version, kept }): [string, VersionThree][] => {
      const root = rootOf(version);
      const other = kept.isAbsent === true ? parts.find((one) => one.version === version) : undefined;
      const part = other === undefined ? undefined : partFor(other);
      const text = part === undefined ? undefined : conversionOf(part, version);
      if (text !== undefined) return [[root, { made: text }]];
      // Before its index is read the server is believed to have what most have.
      const url = kept.digest === undefined && kept.isAbsent !== true ? `/openapi/v3/${root}` : urlIn(kept.value, root);
      return url === undefined || !version.isFresh ? [] : [[root, { url }]];
    });
    made = new Set(found.flatMap(([root, document]) => ('made' in document ? [`/openapi/v3/${root}`] : [])));
    return new Map(found);
  }

  return {
    async parts() {
      return (await second()).flatMap((found) => partFor(found) ?? []);
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

/** One document of each server, read again when it is due; for each of the server's versions, by priority. */
function keep<T>({ extensions, now, report, patience = aSecond }: ExtensionOpenApiOptions, path: string, decode: (body: Buffer) => Promise<T>): () => Promise<readonly Found<T>[]> {
  const all = new Map<string, Kept<T>>();
  const reading = new Map<string, Promise<void>>();
  /** For which versions each server was asked: who serves one more may say more. */
  const askedFor = new Map<string, ReadonlySet<string>>();
  /** Those that nobody waits for. */
  const slow = new Set<string>();
  const queue = createQueue(width);

  async function read(server: string, versions: readonly ExtensionVersion[]): Promise<void> {
    const known = all.get(server) ?? { due: 0 };
    // One that answers for any of its versions is asked in that one's name.
    const version = versions.find(({ isFresh }) => isFresh) ?? versions[0];
    if (version === undefined) return;
    let waitMs = illMs;
    try {
      const service = extensions.at(`/${rootOf(version)}`);
      const target = service === undefined ? undefined : extensions.target(service, checker, path);
      if (target === undefined) return;
      askedFor.set(server, new Set(versions.map(rootOf)));
      const answer = await extensions.ask(target, { accept: 'application/json', ...(known.etag === undefined ? {} : { 'if-none-match': known.etag }) }, AbortSignal.timeout(answerMs));
      // What is wrong with a document is so for a while.
      if (answer.code === 200) waitMs = wellMs;
      all.set(server, await keptOf(answer, known, decode, now()));
      slow.delete(server);
    } catch (error) {
      report(error, `${version.version}.${version.group}`);
      all.set(server, { ...known, due: now() + waitMs });
      slow.add(server);
    }
  }

  /** Whoever asks meanwhile waits for the same answer. */
  function begin(server: string, versions: readonly ExtensionVersion[]): Promise<void> {
    const running = reading.get(server) ?? queue(() => read(server, versions)).finally(() => { reading.delete(server); });
    reading.set(server, running);
    return running;
  }

  function isDue(server: string, versions: readonly ExtensionVersion[]): boolean {
    return (all.get(server)?.due ?? 0) <= now() || versions.some((version) => askedFor.get(server)?.has(rootOf(version)) !== true);
  }

  return async () => {
    const found = extensions.versions.toSorted(inOrder).map((version) => ({ version, server: serverOf(extensions.at(`/${rootOf(version)}`)) }));
    const servers = new Map([...Map.groupBy(found, ({ server }) => server)].map(([server, each]) => [server, each.map(({ version }) => version)]));
    for (const server of all.keys()) {
      if (servers.has(server) || reading.has(server)) continue;
      for (const known of [all, askedFor, slow]) known.delete(server);
    }
    const due = [...servers].filter(([server, versions]) => isDue(server, versions));
    const awaited = due.flatMap(([server, versions]) => {
      const running = begin(server, versions);
      return slow.has(server) ? [] : [running];
    });
    await shortly(awaited, patience);
    for (const [server] of due) if (reading.has(server)) slow.add(server);
    return found.map(({ version, server }) => ({ version, kept: all.get(server) ?? { due: 0 } }));
  };
}

/** Runs what it is given, at most so much at once. */
function createQueue(most: number): (run: () => Promise<void>) => Promise<void> {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async (run) => {
    if (running < most) running += 1;
    else await new Promise<void>((resolve) => { waiting.push(resolve); });
    try {
      await run();
    } finally {
      // Its place goes to the next, if there is one.
      const next = waiting.shift();
      if (next === undefined) running -= 1;
      else next();
    }
  };
}

const aSecond = (signal: AbortSignal): Promise<unknown> => delay(1000, undefined, { signal });

async function shortly(awaited: readonly Promise<void>[], patience: (signal: AbortSignal) => Promise<unknown>): Promise<void> {
  if (awaited.length === 0) return;
  const ended = new AbortController();
  try {
    await Promise.race([Promise.all(awaited), patience(ended.signal)]);
  } finally {
    ended.abort();
  }
}

/** Who serves several versions has one document for all. */
function serverOf(service: APIService | undefined): string {
  const { service: reference, caBundle, insecureSkipTLSVerify } = service?.spec ?? {};
  return JSON.stringify([reference?.namespace, reference?.name, reference?.port ?? 443, caBundle ?? '', insecureSkipTLSVerify === true]);
}

/** Throws when it is no document. */
async function keptOf<T>({ code, headers: { etag }, body }: Asked, known: Kept<T>, decode: (body: Buffer) => Promise<T>, now: number): Promise<Kept<T>> {
  const due = now + wellMs;
  if (code === 304) return { ...known, due };
  if (code === 404) return { due, isAbsent: true };
  if (code !== 200) throw new Error(`it is answered with ${code}`);
  const digest = createHash('sha256').update(body).digest('hex');
  const value = known.digest === digest && known.value !== undefined ? known.value : await decode(body);
  return { due, value, digest, ...(etag === undefined ? {} : { etag }) };
}
