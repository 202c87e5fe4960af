import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../../machinery/clock.ts';
import { APIService } from '../../machinery/kinds/api-registration.ts';
import { Service } from '../../machinery/kinds/core.ts';
import { EndpointSlice } from '../../machinery/kinds/discovery.ts';
import type { Draft } from '../../machinery/kinds/wire.ts';
import { isReason } from '../../machinery/status.ts';
import { messageOf } from '../../machinery/thrown.ts';
import { follow } from '../access/follow.ts';
import { changeObject, type Writer } from '../handlers/writer.ts';
import type { ProxyTarget, User } from '../request.ts';
import type { Entry } from '../store/cache.ts';
import { apiService } from '../resources/apiregistration/api-service.ts';
import { createExtensionClient, type ExtensionClient } from './ask.ts';
import { badDiscovery, locate, passed, withVerdict, type Verdict } from './availability.ts';
import { resourcesOf, type ExtensionVersion } from './extension-discovery.ts';
import { extensionTarget, remoteHeaders, type FrontProxy } from './extension.ts';

/** The APIServices that other servers serve: where requests for them go, and whether anybody is there. */
export interface Extensions {
  /** Which APIService a path belongs to: `/apis/<group>/<version>…`, or its OpenAPI. Undefined: this server answers itself. */
  at(path: string): APIService | undefined;
  /** Where a request goes. Undefined: nobody is there. */
  target(service: APIService, user: User, path: string): ProxyTarget | undefined;
  /** Asks there. */
  readonly ask: ExtensionClient['ask'];
  /** For discovery: the same list as long as nothing changes. */
  readonly versions: readonly ExtensionVersion[];
  close(): Promise<void>;
}

export interface ExtensionsOptions {
  readonly writer: Writer;
  readonly random: () => number;
  readonly frontProxy: FrontProxy;
  readonly setTimer: Clock['setTimer'];
  readonly report: (error: unknown, name: string) => void;
}

/** How often who answers is asked again, and who doesn't. */
const [wellMs, illMs] = [30_000, 5000];
const answerMs = 5000;
/** As whom this server asks for itself: any authenticated user may read discovery and OpenAPI. */
export const checker: User = { name: 'system:kube-aggregator', groups: ['system:masters'] };

interface Known {
  readonly service: APIService;
  version: ExtensionVersion;
  /** Of the next check. */
  cancel?: () => void;
}

const openApiPrefix = '/openapi/v3/apis/';

/** What is followed for its changes only has nothing to forget. */
const nothing = (): void => undefined;

export function createExtensions({ writer, random, frontProxy, setTimer, report }: ExtensionsOptions): Extensions {
  const known = new Map<string, Known>();
  const client = createExtensionClient();
  const closing = new AbortController();
  const checks = new Set<Promise<void>>();
  let versions: readonly ExtensionVersion[] = [];

  const changed = (): void => {
    const next = [...known.values()].map(({ version }) => version);
    if (!isDeepStrictEqual(next, versions)) versions = next;
  };

  function forget(name: string): void {
    known.get(name)?.cancel?.();
    if (known.delete(name)) changed();
  }

  function learn(service: APIService): void {
    const name = service.metadata?.name ?? '';
    const before = known.get(name);
    if (service.spec?.service === undefined) {
      forget(name);
      return;
    }
    const { group = '', version = '', groupPriorityMinimum, versionPriority } = service.spec;
    const isSame = before !== undefined && isDeepStrictEqual(before.service.spec, service.spec);
    const next: Known = {
      service, version: { resources: [], isFresh: false, ...(isSame ? before.version : {}), group, version, groupPriority: groupPriorityMinimum, versionPriority },
      ...(before?.cancel === undefined ? {} : { cancel: before.cancel }),
    };
    known.set(name, next);
    changed();
    if (!isSame) due(name, 0);
  }

  function due(name: string, ms: number): void {
    const one = known.get(name);
    if (one === undefined || closing.signal.aborted) return;
    one.cancel?.();
    one.cancel = setTimer(ms, () => {
      const running = check(name).catch((error: unknown) => { report(error, name); }).finally(() => { checks.delete(running); });
      checks.add(running);
    });
  }

  async function check(name: string): Promise<void> {
    const one = known.get(name);
    if (one === undefined) return;
    const { verdict, resources } = await judge(one.service);
    const now = known.get(name);
    if (now === undefined || closing.signal.aborted) return;
    now.version = { ...now.version, isFresh: verdict.status === 'True', ...(resources === undefined ? {} : { resources }) };
    changed();
    await say(name, verdict);
    due(name, verdict.status === 'True' ? wellMs : illMs);
  }

  async function judge({ spec }: APIService): Promise<{ readonly verdict: Verdict; readonly resources?: ExtensionVersion['resources'] }> {
    const service = spec?.service;
    if (spec === undefined || service === undefined) return { verdict: passed };
    const found = locate(writer.caches, random, service);
    if ('verdict' in found) return found;
    const path = `/apis/${spec.group ?? ''}/${spec.version ?? ''}`;
    const url = `https://${found.place.host}:${found.place.port}${path}`;
    try {
      const target = extensionTarget(spec, service, found.place, path, remoteHeaders(checker), frontProxy);
      const { code, body } = await client.ask(target, { accept: 'application/json' }, AbortSignal.any([AbortSignal.timeout(answerMs), closing.signal]));
      if (code < 200 || code > 299) return { verdict: badDiscovery(url, `bad status from ${url}: ${code}`) };
      return { verdict: passed, resources: resourcesOf(body) };
    } catch (error) {
      return { verdict: badDiscovery(url, `Get ${JSON.stringify(url)}: ${messageOf(error)}`) };
    }
  }

  async function say(name: string, verdict: Verdict): Promise<void> {
    try {
      await changeObject(writer, apiService, '', name, false, ({ object }) => {
        const { status } = object as APIService;
        const conditions = withVerdict(status?.conditions, verdict, writer.now());
        if (conditions === status?.conditions) return { type: 'keep' };
        return { type: 'put', object: structuredClone({ ...object, status: { ...status, conditions } }) as Draft<APIService> };
      });
    } catch (error) {
      if (!isReason(error, 'NotFound')) throw error;
    }
  }

  const following = follow(writer.caches, APIService, {
    reset() {
      for (const name of known.keys()) forget(name);
    },
    set: ({ object }) => { learn(object); },
    remove: ({ name }) => { forget(name); },
  });

  /** A Service or its endpoints have changed: who stands behind it is asked at once. */
  function nudge(namespace: string, service: string | undefined): void {
    for (const [name, one] of known) {
      const reference = one.service.spec?.service;
      if (reference?.name === service && reference?.namespace === namespace) due(name, 0);
    }
  }

  const services = follow(writer.caches, Service, { reset: nothing, set: (entry) => { nudge(entry.namespace, entry.name); }, remove: (entry) => { nudge(entry.namespace, entry.name); } });
  const ofSlice = ({ namespace, labels }: Entry): void => { if (known.size > 0) nudge(namespace, labels['kubernetes.io/service-name']); };
  const slices = follow(writer.caches, EndpointSlice, { reset: nothing, set: ofSlice, remove: ofSlice });

  return {
    at(path) {
      if (known.size === 0) return undefined;
      const rest = path.startsWith('/apis/') ? path.slice('/apis/'.length) : path.startsWith(openApiPrefix) ? path.slice(openApiPrefix.length) : undefined;
      const [group = '', version = ''] = rest?.split('/', 2) ?? [];
      return version === '' ? undefined : known.get(`${version}.${group}`)?.service;
    },
    target(service, user, path) {
      const { spec } = known.get(service.metadata?.name ?? '')?.service ?? service;
      const reference = spec?.service;
      const isAvailable = known.get(service.metadata?.name ?? '')?.version.isFresh === true;
      if (spec === undefined || reference === undefined || !isAvailable) return undefined;
      const found = locate(writer.caches, random, reference);
      return 'verdict' in found ? undefined : extensionTarget(spec, reference, found.place, path, remoteHeaders(user), frontProxy);
    },
    ask: client.ask,
    get versions() {
      return versions;
    },
    async close() {
      closing.abort();
      for (const each of [following, services, slices]) each.close();
      for (const { cancel } of known.values()) cancel?.();
      await Promise.all(checks);
      client.close();
    },
  };
}
