import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';
import type { Page, PageAnswer } from '../http/serve.ts';
import { clauses } from '../http/negotiation.ts';
import type { Target } from '../http/request-info.ts';
import type { ExtensionVersion } from '../aggregation/extension-discovery.ts';
import type { Registry } from '../registry.ts';
import type { Resource } from '../resources/define.ts';
import { aggregated } from './aggregated.ts';
import { groupsOf, withExtensions, type Group } from './groups.ts';
import { health, type HealthCheck } from './health.ts';
import { apiGroup, apiGroupList, apiResourceList, apiVersions } from './plain.ts';
import { versionInfo, type Build } from './version.ts';

/** Everything that the server answers and that is no resource. */
export interface PagesOptions {
  readonly registry: Pick<Registry, 'resources'>;
  /** What other servers serve; the same list as long as nothing changes. */
  readonly extensions: () => readonly ExtensionVersion[];
  readonly build: Build;
  readonly checks: readonly HealthCheck[];
  /** `10.0.0.1:6443`: told in `/api`. */
  readonly serverAddress: () => string;
  readonly metrics: { text(): Promise<string>; readonly contentType: string };
  /** `/openapi/…`; undefined: not one of them. */
  readonly openApi: Page;
  /** Public keys of service-account tokens, as a JSON Web Key Set, and where it is. */
  readonly issuer: () => { readonly discovery: object; readonly keys: object };
}

type Answer = (target: Target, headers: IncomingHttpHeaders) => PageAnswer | Promise<PageAnswer>;

export function createPages(options: PagesOptions): Page {
  const constant = new Map<string, Answer>([['/version', constantJson(versionInfo(options.build))], ['/metrics', metricsPage(options)]]);
  // Where the keys are is known once the server listens.
  constant.set('/.well-known/openid-configuration', (target, headers) => constantJson(options.issuer().discovery)(target, headers));
  constant.set('/openid/v1/jwks', (target, headers) => constantJson(options.issuer().keys, { 'content-type': 'application/jwk-set+json' })(target, headers));
  const served = lasting((resources, extensions) => {
    const pages = new Map([...discoveryPages(withExtensions(groupsOf(resources), extensions), options.serverAddress), ...constant]);
    pages.set('/', constantJson({ paths: [...pages.keys(), '/healthz', '/livez', '/openapi/v2', '/openapi/v3', '/readyz'].toSorted() }));
    return pages;
  });
  return (target, headers) => {
    const path = target.info.path.length > 1 ? target.info.path.replace(/\/+$/, '') : '/';
    const found = served(options.registry.resources, options.extensions()).get(path);
    if (found !== undefined) return isRead(target) ? found(target, headers) : undefined;
    if (/^\/(healthz|livez|readyz)(\/|$)/.test(path)) return healthPage(path, options.checks, target);
    return options.openApi(target, headers);
  };
}

type Make<T> = (resources: readonly Resource[], extensions: readonly ExtensionVersion[]) => T;

/** What is made of two lists, as long as they are the same lists. */
function lasting<T>(make: Make<T>): Make<T> {
  let last: { readonly of: readonly Resource[]; readonly and: readonly ExtensionVersion[]; readonly made: T } | undefined;
  return (resources, extensions) => {
    if (last?.of !== resources || last.and !== extensions) last = { of: resources, and: extensions, made: make(resources, extensions) };
    return last.made;
  };
}

function discoveryPages(groups: readonly Group[], serverAddress: () => string): Map<string, Answer> {
  return new Map<string, Answer>([
    ['/api', discovery(groups.filter(({ name }) => name === ''), () => apiVersions(serverAddress()))],
    ['/apis', discovery(groups.filter(({ name }) => name !== ''), () => apiGroupList(groups))],
    ...groups.flatMap(groupPages),
  ]);
}

function isRead({ info }: Target): boolean {
  return info.verb === 'get' || info.verb === 'head';
}

function groupPages(group: Group): [string, Answer][] {
  const base = group.name === '' ? '/api' : `/apis/${group.name}`;
  const versions = group.versions.filter(({ extension }) => extension === undefined).map(({ version, resources }): [string, Answer] =>
    [`${base}/${version}`, constantJson(apiResourceList(group.name === '' ? version : `${group.name}/${version}`, resources))]);
  return group.name === '' ? versions : [[base, constantJson({ kind: 'APIGroup', apiVersion: 'v1', ...apiGroup(group) })], ...versions];
}

/** The same JSON for ever, with an ETag. */
function constantJson(value: object, more: OutgoingHttpHeaders = {}): Answer {
  return tagged(Buffer.from(JSON.stringify(value)), { 'content-type': 'application/json', ...more });
}

function tagged(body: Buffer, headers: OutgoingHttpHeaders): Answer {
  const etag = `"${createHash('sha512').update(body).digest('hex').toUpperCase()}"`;
  return (_target, asked) => (asked['if-none-match'] === etag
    ? { code: 304, headers: { etag, vary: 'Accept' }, body: Buffer.alloc(0) }
    : { code: 200, headers: { ...headers, etag, vary: 'Accept' }, body });
}

const aggregatedType = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

/** In one document for who accepts that, else as ever. */
function discovery(groups: readonly Group[], plain: () => object): Answer {
  const whole = tagged(Buffer.from(JSON.stringify(aggregated(groups))), { 'content-type': aggregatedType, 'cache-control': 'public' });
  return (target, headers) => {
    const wantsWhole = clauses(headers.accept ?? '').some(({ parameters }) =>
      parameters.get('as') === 'APIGroupDiscoveryList' && parameters.get('g') === 'apidiscovery.k8s.io' && parameters.get('v') === 'v2');
    if (wantsWhole) return whole(target, headers);
    return { code: 200, headers: { 'content-type': 'application/json', vary: 'Accept' }, body: Buffer.from(JSON.stringify(plain())) };
  };
}

function metricsPage({ metrics }: PagesOptions): Answer {
  return async () => ({ code: 200, headers: { 'content-type': metrics.contentType }, body: Buffer.from(await metrics.text()) });
}

async function healthPage(path: string, checks: readonly HealthCheck[], { search }: Target): Promise<PageAnswer> {
  const query = new URLSearchParams(search);
  const { code, text } = await health(path, checks, { verbose: query.has('verbose'), exclude: query.getAll('exclude') });
  return { code, headers: { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' }, body: Buffer.from(text) };
}
