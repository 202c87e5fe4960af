/** Requests that no honest client sends, and honest ones that went wrong on the way. */
import fc from 'fast-check';
import { samples } from './samples.ts';

export interface FuzzRequest {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** What the server serves, from its discovery: `/api/v1/namespaces/default/pods`. */
export interface ServedPath {
  /** `apps/v1 Deployment`. */
  readonly kind: string;
  readonly collection: string;
  readonly subresources: readonly string[];
}

const oddText = fc.oneof(
  fc.string({ maxLength: 20 }), fc.string({ unit: 'binary', maxLength: 20 }),
  fc.constantFrom('', '0', '-1', 'true', 'null', '..', '%00', '%2e%2e%2f', '{}', '[]', '1e999', '9223372036854775808', 'x'.repeat(300), '\u{1F6A3}', "a'b\"c", '*', 'metadata', '__proto__', 'constructor'),
);

const name = fc.oneof({ weight: 4, arbitrary: fc.constantFrom('a', 'b', 'default', 'kube-system') }, { weight: 1, arbitrary: oddText });

const selectors = fc.oneof(
  fc.constantFrom('a=b', 'a!=b', 'a in (b,c)', 'a notin (b)', '!a', 'a', 'metadata.name=x', 'spec.nodeName=', 'a=b,', ',', 'a in (', 'a=(b)', '(((((', 'a in ()', 'status.phase!=Running'),
  oddText, fc.array(fc.constantFrom('a', '=', '!=', 'in', '(', ')', ',', '!', ' ', 'b'), { maxLength: 30 }).map((parts) => parts.join('')),
);

const parameter = fc.oneof(
  fc.tuple(fc.constantFrom('labelSelector', 'fieldSelector'), selectors),
  fc.tuple(fc.constantFrom('limit', 'resourceVersion', 'gracePeriodSeconds', 'timeout', 'tailLines', 'sinceSeconds'), fc.oneof(fc.integer().map(String), oddText)),
  fc.tuple(fc.constantFrom('continue', 'fieldManager', 'dryRun', 'fieldValidation', 'pretty', 'propagationPolicy', 'resourceVersionMatch', 'force', 'allowWatchBookmarks', 'sendInitialEvents', 'orphanDependents', 'container'),
    fc.oneof(fc.constantFrom('All', 'Strict', 'Warn', 'Ignore', 'true', 'false', 'Exact', 'NotOlderThan', 'Foreground', 'Orphan', 'Background', 'eyJ2IjoibWV0YS5rOHMuaW8vdjEifQ'), oddText)),
  fc.tuple(oddText, oddText),
);

/** A watch is asked to end by itself. */
function queryOf(parameters: readonly (readonly [string, string])[], isWatch: boolean): string {
  const query = new URLSearchParams(parameters.map(([key, value]): [string, string] => [key, value]));
  if (isWatch) query.set('watch', 'true');
  query.set('timeoutSeconds', '1');
  return `?${query.toString()}`;
}

/** Mostly as the method wants it: with a name or without. */
function pathOf(served: readonly ServedPath[]): fc.Arbitrary<(method: string, kind: string | undefined) => string> {
  const resource = fc.tuple(fc.constantFrom(...served), fc.nat(9), name, fc.nat()).map(([any, chance, given, which]) => (method: string, kind: string | undefined): string => {
    const { collection, subresources } = served.find((each) => each.kind === kind) ?? any;
    const segment = encodeURIComponent(given.toWellFormed());
    const isNamed = chance === 0 ? method === 'POST' : method === 'GET' || method === 'DELETE' ? chance % 2 === 0 : method !== 'POST';
    const subresource = subresources[which % Math.max(1, subresources.length)];
    if (!isNamed && !(chance > 7 && subresource !== undefined)) return collection;
    return chance > 7 && subresource !== undefined ? `${collection}/${segment}/${subresource}` : `${collection}/${segment}`;
  });
  const odd = fc.array(fc.oneof(fc.constantFrom('api', 'apis', 'v1', 'apps', 'namespaces', 'pods', 'openapi', 'v2', 'v3', 'healthz', 'metrics', '..', '.', '', '%', '%zz', '%2f'), oddText.map((text) => encodeURIComponent(text.toWellFormed()))), { maxLength: 8 })
    .map((segments) => () => `/${segments.join('/')}`);
  return fc.oneof({ weight: 9, arbitrary: resource }, { weight: 1, arbitrary: odd });
}

const json = fc.jsonValue({ maxDepth: 4, noUnicodeString: false });

/** A good object with something in it replaced, removed or added. */
const mutated = fc.tuple(fc.constantFrom(...samples), fc.array(fc.tuple(fc.nat(), fc.constantFrom('replace', 'remove', 'add', 'rename'), json, oddText), { maxLength: 4 })).map(([sample, changes]) => {
  const object: unknown = structuredClone(sample);
  for (const [where, how, value, key] of changes) mutate(object, where, how, value, key);
  return object;
});

function kindOf(value: unknown): string {
  return `${String(Reflect.get(Object(value), 'apiVersion'))} ${String(Reflect.get(Object(value), 'kind'))}`;
}

function mutate(object: unknown, where: number, how: string, value: unknown, key: string): void {
  const places: [object, string][] = [];
  const visit = (parent: unknown): void => {
    if (typeof parent !== 'object' || parent === null) return;
    for (const [field, child] of Object.entries(parent)) {
      places.push([parent, field]);
      visit(child);
    }
  };
  visit(object);
  const place = places[where % Math.max(1, places.length)];
  if (place === undefined) return;
  const [parent, field] = place;
  if (how === 'replace') Reflect.set(parent, field, value);
  else if (how === 'remove') Reflect.deleteProperty(parent, field);
  else Reflect.defineProperty(parent, key, { value: how === 'add' ? value : Reflect.get(parent, field), enumerable: true, writable: true, configurable: true });
}

const jsonPatch = fc.array(fc.record({ op: fc.constantFrom('add', 'remove', 'replace', 'move', 'copy', 'test', 'odd'), path: fc.oneof(fc.constantFrom('/metadata/labels/a', '/spec', '/data/a', '', '/', '/metadata/ownerReferences/-', '/a~1b', '/~2'), oddText), from: fc.constantFrom('/data', '/spec', ''), value: json }), { maxLength: 6 });

/** Media type, bytes, and the kind that they may be meant for. */
const body: fc.Arbitrary<readonly [string, Buffer, string?]> = fc.oneof(
  { weight: 6, arbitrary: mutated.map((object) => ['application/json', Buffer.from(JSON.stringify(object)), kindOf(object)] as const) },
  { weight: 3, arbitrary: fc.tuple(fc.constantFrom('application/merge-patch+json', 'application/strategic-merge-patch+json', 'application/apply-patch+yaml', 'application/json'), fc.oneof(mutated, json)).map(([type, value]) => [type, Buffer.from(JSON.stringify(value)), kindOf(value)] as const) },
  { weight: 2, arbitrary: jsonPatch.map((patch) => ['application/json-patch+json', Buffer.from(JSON.stringify(patch))] as const) },
  { weight: 1, arbitrary: fc.tuple(fc.constantFrom('application/yaml', 'application/apply-patch+yaml', 'application/json', 'application/vnd.kubernetes.protobuf', 'text/plain', 'odd'), fc.uint8Array({ maxLength: 200 })).map(([type, bytes]) => [type, Buffer.from(bytes)] as const) },
  { weight: 1, arbitrary: fc.tuple(fc.constantFrom('application/yaml', 'application/apply-patch+yaml'), fc.constantFrom('a: &a [*a]', 'a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b,*b]', '{', 'a: b: c', '- - - -', 'kind: Pod\nkind: Pod', '!!js/function x', '? a\n: b')).map(([type, text]) => [type, Buffer.from(text)] as const) },
  { weight: 1, arbitrary: fc.tuple(fc.constantFrom('[', '{"a":', '{"metadata":{"labels":'), fc.integer({ min: 1, max: 3000 })).map(([piece, count]) => ['application/json', Buffer.from(piece.repeat(count))] as const) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 300 }).map((bytes) => ['application/vnd.kubernetes.protobuf', Buffer.concat([Buffer.from('k8s\0'), bytes])] as const) },
);

/** What may stand in a header. */
const headerText = oddText.map((text) => text.replaceAll(/[^\x20-\x7e]/g, '?'));

/** Most requests are to get past their head. */
const oddHeaders = fc.record({
  accept: fc.oneof(fc.constantFrom('application/json', 'application/json;as=Table;v=v1;g=meta.k8s.io', 'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io', 'application/vnd.kubernetes.protobuf', 'application/yaml', '*/*', 'application/cbor'), headerText),
  authorization: fc.oneof(headerText.map((token) => `Bearer ${token}`), fc.constantFrom('Bearer eyJhbGciOiJub25lIn0.e30.', 'Basic YTpi', 'Bearer abcdef.0123456789abcdef')),
  'impersonate-user': headerText, 'impersonate-group': headerText, 'audit-id': headerText, 'accept-encoding': fc.constantFrom('gzip', 'gzip;q=0', 'br', ''),
  'user-agent': headerText, 'if-none-match': headerText, 'x-forwarded-for': headerText,
}, { requiredKeys: [] });

const headers = fc.oneof({ weight: 6, arbitrary: fc.record({ accept: fc.constantFrom('application/json', '*/*', 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json', 'application/vnd.kubernetes.protobuf,application/json') }) }, { weight: 1, arbitrary: oddHeaders });

export function requests(served: readonly ServedPath[]): fc.Arbitrary<FuzzRequest> {
  const method = fc.oneof({ weight: 10, arbitrary: fc.constantFrom('GET', 'POST', 'POST', 'PUT', 'PATCH', 'PATCH', 'DELETE') }, { weight: 1, arbitrary: fc.constantFrom('HEAD', 'OPTIONS', 'TRACE', 'PROPFIND') });
  return fc.tuple(method, pathOf(served), fc.array(parameter, { maxLength: 3 }), fc.boolean(), headers, body).map(([verb, path, parameters, isWatch, given, [type, bytes, kind]]): FuzzRequest => {
    const hasBody = verb !== 'GET' && verb !== 'HEAD';
    return {
      method: verb, path: path(verb, kind) + queryOf(parameters.map(([key, value]) => [key.toWellFormed(), value.toWellFormed()] as const), verb === 'GET' && isWatch),
      headers: { ...given, ...(hasBody ? { 'content-type': type } : {}) }, body: hasBody ? bytes : Buffer.alloc(0),
    };
  });
}
