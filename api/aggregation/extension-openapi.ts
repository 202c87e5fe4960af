import { createHash } from 'node:crypto';
import { partOf, type Maps } from '../schema/openapi-v2-merge.ts';
import { ask, type Asked } from './ask.ts';
import type { ExtensionVersion } from './extension-discovery.ts';
import { checker, type Extensions } from './extensions.ts';

/** What extension servers' documents of OpenAPI 2 say of the versions that they serve. They are asked when somebody asks this server. */
export interface ExtensionOpenApi {
  /** By priority; the same values as long as the servers' documents are the same. Of a server that doesn't answer, what it said last. */
  parts(): Promise<readonly Maps[]>;
}

export interface ExtensionOpenApiOptions {
  readonly extensions: Pick<Extensions, 'versions' | 'at' | 'target'>;
  /** Milliseconds. */
  readonly now: () => number;
  /** What could not be read, and whose it is. */
  readonly report: (error: unknown, name: string) => void;
}

interface Kept {
  readonly etag?: string;
  /** Of the document's bytes: many servers give no ETag. */
  readonly digest?: string;
  /** Absent: the server has no such document, or none yet. */
  readonly part?: Maps;
  /** When the server is asked again. */
  readonly due: number;
}

/** How long a document is believed, and how long nothing is asked again. Milliseconds. Source: kube-aggregator. */
const wellMs = 60_000;
const illMs = 5000;
const answerMs = 5000;

export function createExtensionOpenApi({ extensions, now, report }: ExtensionOpenApiOptions): ExtensionOpenApi {
  let kept: ReadonlyMap<string, Kept> = new Map();
  let asking: Promise<readonly Maps[]> | undefined;

  async function refresh(): Promise<readonly Maps[]> {
    const next = await Promise.all(extensions.versions.toSorted(byPriority).map(async (version): Promise<[string, Kept]> => {
      const name = `${version.version}.${version.group}`;
      const known = kept.get(name) ?? { due: 0 };
      return [name, known.due > now() ? known : await read(version, known, name)];
    }));
    kept = new Map(next);
    return [...kept.values()].flatMap(({ part }) => part ?? []);
  }

  async function read({ group, version }: ExtensionVersion, known: Kept, name: string): Promise<Kept> {
    const root = `/apis/${group}/${version}`;
    const service = extensions.at(root);
    const target = service === undefined ? undefined : extensions.target(service, checker, '/openapi/v2');
    if (target === undefined) return known;
    try {
      const answer = await ask(target, { accept: 'application/json', ...(known.etag === undefined ? {} : { 'if-none-match': known.etag }) }, AbortSignal.timeout(answerMs));
      return keptOf(answer, known, `${root}/`, now());
    } catch (error) {
      report(error, name);
      return { ...known, due: now() + illMs };
    }
  }

  return {
    parts() {
      asking ??= refresh().finally(() => { asking = undefined; });
      return asking;
    },
  };
}

/** Throws when it is no document. */
function keptOf({ code, headers: { etag }, body }: Asked, known: Kept, prefix: string, now: number): Kept {
  if (code === 304) return { ...known, due: now + wellMs };
  if (code === 404) return { due: now + wellMs };
  if (code !== 200) throw new Error(`/openapi/v2 is answered with ${code}`);
  const digest = createHash('sha256').update(body).digest('hex');
  const part = known.digest === digest && known.part !== undefined ? known.part : partOf(JSON.parse(body.toString()), prefix);
  return { due: now + wellMs, part, digest, ...(etag === undefined ? {} : { etag }) };
}

function byPriority(a: ExtensionVersion, b: ExtensionVersion): number {
  return b.groupPriority - a.groupPriority || (a.group < b.group ? -1 : Number(a.group > b.group)) || b.versionPriority - a.versionPriority || (a.version < b.version ? -1 : 1);
}
