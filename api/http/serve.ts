import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import type { Duplex } from 'node:stream';
import type { APIService } from '../../machinery/kinds/api-registration.ts';
import { apiVersionOf } from '../../machinery/kinds/kind.ts';
import { ApiError, failure } from '../../machinery/status.ts';
import type { Authenticator, Authorizer, Credentials } from '../access/access.ts';
import { anonymous } from '../access/authentication.ts';
import type { Extensions } from '../aggregation/extensions.ts';
import type { Auditor } from '../audit/auditor.ts';
import { authorize, type Dispatch } from '../dispatch.ts';
import { patchTypes, unsupportedPatch } from '../handlers/patch.ts';
import type { Body, Call, Origin, RequestInfo, Result, User } from '../request.ts';
import type { Resource } from '../resources/define.ts';
import { isSlowYaml, type YamlReader } from '../schema/yaml-reader.ts';
import { spliceToAgent, streamFromAgent, type AgentLink } from './agent-link.ts';
import { isLongRunning, type Fairness, type Seat } from '../fairness/fairness.ts';
import { bearerTokenOf } from './certificate.ts';
import type { Exchange } from './exchange.ts';
import { failureOf } from './failure-status.ts';
import type { InFlight } from './in-flight.ts';
import type { RequestMetrics } from './metrics.ts';
import { bodyType, isPretty, mediaTypeOf, negotiate, plainJson, type Answer } from './negotiation.ts';
import { protobufType, type ProtobufDecoder } from './protobuf/decode.ts';
import type { ProtobufEncoder } from './protobuf/encode.ts';
import { protobufErrorFrame } from './protobuf/watch-frames.ts';
import { proxy, proxyUpgrade } from './proxy.ts';
import { render, renderFailure, type Rendering } from './render.ts';
import { withRepeated } from './repeated-headers.ts';
import { parseTarget, type Target } from './request-info.ts';
import { askedTimeoutMs } from './request-timeout.ts';
import type { SharedFrames } from './shared-frames.ts';
import { includeObject, type TableRenderer } from './table.ts';
import { errorFrame, tableFrames } from './watch-frames.ts';
import type { WatchQueues } from './watch-queues.ts';
import { watchOverSocket } from './watch-socket.ts';
import { dropProtocolTokens, protocolTokenOf } from './websocket-token.ts';
import { createWarnings } from './warnings.ts';
import { streamWatch, type WatchForm } from './watch-stream.ts';

/** Answers what is no resource: discovery, version, health, metrics, OpenAPI. Undefined: nothing is there. */
export type Page = (target: Target, headers: IncomingHttpHeaders) => Promise<PageAnswer> | PageAnswer | undefined;

export interface PageAnswer {
  readonly code: number;
  readonly headers: OutgoingHttpHeaders;
  readonly body: Buffer;
}

/** What the edge works with. */
export interface Edge {
  readonly authenticator: Authenticator;
  readonly authorizer: Authorizer;
  readonly dispatch: Dispatch;
  /** The resource at a group, version and plural. */
  readonly resourceAt: (group: string, version: string, plural: string) => Resource | undefined;
  readonly page: Page;
  readonly extensions: Pick<Extensions, 'at' | 'target'>;
  readonly agentLink: AgentLink;
  readonly protobuf: ProtobufDecoder;
  readonly yaml: YamlReader;
  readonly encoder: ProtobufEncoder;
  readonly tables: TableRenderer;
  readonly frames: SharedFrames;
  readonly queues: WatchQueues;
  readonly inFlight: InFlight;
  readonly metrics: RequestMetrics;
  /** Whose turn it is. */
  readonly fairness: Fairness;
  /** Absent: nothing is recorded. */
  readonly audit?: Auditor;
  /** Aborts when the server stops: watches end. */
  readonly stopped: AbortSignal;
  /** Aborts when the store can't be followed any more: everything is refused. */
  readonly ended: AbortSignal;
  readonly uuid: () => string;
  /** Told of failures that nobody foresaw. */
  readonly onError: (what: string, error: unknown) => void;
}

/** Where a request came in. */
export interface Peer {
  /** `10.0.0.1`. */
  readonly address: string;
  /** Throws 401 when the certificate is not the cluster's. */
  certificate(): Credentials['certificate'];
}

const maxBodyBytes = 3 * 1024 * 1024;
const idleMs = 60_000;

/** One request, from its head to the end of its answer. Never throws. */
export async function serve(edge: Edge, exchange: Exchange, peer: Peer): Promise<void> {
  const began = edge.metrics.now();
  const id = auditId(edge, exchange.headers);
  const headers: OutgoingHttpHeaders = { 'audit-id': id, 'cache-control': 'no-cache, private' };
  const origin = edge.audit === undefined ? undefined : originOf(exchange, peer, id);
  let user: User | undefined;
  let target: Target | undefined;
  let answer: Answer | undefined;
  let code = 200;
  let seat: Seat | undefined;
  /** What serves it records it. */
  let isRecorded = false;
  try {
    target = parseTarget(exchange.method, exchange.url);
    edge.ended.throwIfAborted();
    user = await authenticate(edge, exchange.headers, peer);
    const asked = edge.fairness.admit({ user, info: target.info, query: target.query, headers, onEnd: exchange.onEnd });
    seat = asked instanceof Promise ? await asked : asked;
    const extension = edge.extensions.at(target.info.path);
    if (extension !== undefined) {
      isRecorded = true;
      code = await serveExtension(edge, exchange, extension, { target, user, headers, origin, address: peer.address });
      return;
    }
    if (!target.info.isResource) {
      isRecorded = true;
      return await servePage(edge, exchange, { target, user, headers, origin });
    }
    const resource = resourceOf(edge, target, user);
    // What somebody else answers is theirs to agree on.
    answer = target.info.subresource === 'proxy' ? plainJson : answerFor(edge, exchange.headers, resource);
    isRecorded = true;
    code = await serveResource(edge, exchange, { target, user, resource, answer, headers, origin, address: peer.address });
  } catch (error) {
    const known = failureOf(error);
    ({ code } = known);
    if (!(error instanceof ApiError) && known.code === 500) edge.onError(`${exchange.method} ${exchange.url}`, error);
    if (!isRecorded && target !== undefined && origin !== undefined) recordRefusal(edge, { user, target, origin }, known);
    if (exchange.gone) return;
    if (exchange.begun) exchange.abort();
    else await renderFailure(exchange, known, { headers: withAuthenticate(headers, known), pretty: isPretty(target?.query ?? {}, exchange.headers['user-agent']), ...inProtobuf(edge, answer) });
  } finally {
    seat?.leave();
    edge.metrics.record(target?.info, code, began);
  }
}

function answerFor({ encoder }: Edge, { accept }: IncomingHttpHeaders, resource: Resource): Answer {
  return negotiate(accept, { protobuf: encoder.knows(apiVersionOf(resource), resource.kind), table: resource.verbs.includes('get') });
}

/** Of a request that came to nothing before anybody served it. */
function recordRefusal({ audit }: Pick<Edge, 'audit'>, { user = anonymous, target, origin }: { user: User | undefined; target: Target; origin: Origin }, known: ApiError): void {
  if (known.code === 403) origin.annotations.set('authorization.k8s.io/decision', 'forbid');
  audit?.begin({ user, info: target.info, origin })?.failed(known);
}

/** How a failure is told to who asked for protobuf. */
function inProtobuf({ encoder }: Edge, answer: Answer | undefined): Partial<Pick<Rendering, 'answer' | 'protobuf'>> {
  return answer?.media === protobufType ? { answer, protobuf: encoder } : {};
}

function originOf(exchange: Pick<Exchange, 'headers' | 'url'>, peer: Peer, id: string): Origin {
  const forwarded = [exchange.headers['x-forwarded-for'] ?? []].flat().flatMap((value) => value.split(',')).map((address) => address.trim()).filter((address) => address !== '');
  return { auditId: id, uri: exchange.url, addresses: [...forwarded, peer.address], userAgent: exchange.headers['user-agent'] ?? '', annotations: new Map() };
}

function auditId(edge: Pick<Edge, 'uuid'>, headers: IncomingHttpHeaders): string {
  const asked = headers['audit-id'];
  return typeof asked === 'string' && /^[\w-]{1,64}$/.test(asked) ? asked : edge.uuid();
}

function withAuthenticate(headers: OutgoingHttpHeaders, { code }: ApiError): OutgoingHttpHeaders {
  return code === 401 ? { ...headers, 'www-authenticate': 'Bearer realm="kubernetes-master"' } : headers;
}

function authenticate(edge: Edge, headers: IncomingHttpHeaders, peer: Peer): Promise<User> {
  const certificate = peer.certificate();
  const bearerToken = bearerTokenOf(headers.authorization) ?? ((certificate?.commonName ?? '') === '' ? protocolTokenOf(headers) : undefined);
  return edge.authenticator.authenticate({
    ...(certificate === undefined ? {} : { certificate }), ...(bearerToken === undefined ? {} : { bearerToken }), headers,
  });
}

async function servePage(edge: Edge, exchange: Exchange, { target, user, headers, origin }: Omit<Asked, 'resource' | 'answer' | 'address'>): Promise<void> {
  const trail = origin === undefined ? undefined : edge.audit?.begin({ user, info: target.info, origin });
  let found: PageAnswer;
  try {
    found = await pageFor(edge, exchange, target, user);
  } catch (error) {
    trail?.failed(failureOf(error));
    throw error;
  }
  trail?.complete({ code: found.code });
  exchange.answer(found.code, { ...headers, ...found.headers, 'content-length': found.body.length }, found.body);
}

async function pageFor(edge: Edge, exchange: Exchange, target: Target, user: User): Promise<PageAnswer> {
  authorize(edge.authorizer, user, target.info);
  const found = await edge.page(target, exchange.headers);
  if (found === undefined) throw failure('NotFound', 'the server could not find the requested resource');
  return found;
}

/** The code of the answer that an extension server gives; what it is asked, this server lets through by its own rules first. */
async function serveExtension(edge: Edge, exchange: Exchange, service: APIService, { target, user, headers, origin, address }: Omit<Asked, 'resource' | 'answer'>): Promise<number> {
  const trail = origin === undefined ? undefined : edge.audit?.begin({ user, info: target.info, origin });
  try {
    authorize(edge.authorizer, user, target.info);
    const code = await askExtension(edge, exchange, service, { target, user, headers, address });
    trail?.complete({ code });
    return code;
  } catch (error) {
    trail?.failed(failureOf(error));
    throw error;
  }
}

async function askExtension(edge: Edge, exchange: Exchange, service: APIService, { target, user, headers, address }: Omit<Asked, 'resource' | 'answer' | 'origin'>): Promise<number> {
  const found = edge.extensions.target(service, user, exchange.url);
  if (found === undefined) {
    exchange.answer(503, { ...headers, 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' }, 'service unavailable\n');
    return 503;
  }
  let isLate = false;
  const late = () => {
    isLate = true;
    if (exchange.begun) exchange.abort();
    else tooLate(exchange, { headers, target });
  };
  const flight = isLongRunning(target.info) ? undefined : edge.inFlight.begin(exchange, late, askedTimeoutMs(target.query));
  try {
    const answered = await proxy(exchange, found, edge.agentLink, { address, headers });
    return isLate ? 504 : answered;
  } finally {
    flight?.end();
  }
}

function resourceOf(edge: Edge, { info }: Target, user: User): Resource {
  const resource = edge.resourceAt(info.group, info.version, info.resource);
  // Who may not ask is not told what there is.
  if (resource === undefined) authorize(edge.authorizer, user, info);
  if (resource === undefined) throw failure('NotFound', 'the server could not find the requested resource');
  return resource;
}

interface Asked {
  readonly target: Target;
  readonly user: User;
  readonly resource: Resource;
  readonly answer: Answer;
  readonly headers: OutgoingHttpHeaders;
  readonly origin: Origin | undefined;
  /** The caller's. */
  readonly address: string;
}

/** The code of the answer. */
async function serveResource(edge: Edge, exchange: Exchange, asked: Asked): Promise<number> {
  const { target, answer, headers } = asked;
  const { verb } = target.info;
  const { info, handle, givenUp } = edge.dispatch.route({ user: asked.user, info: target.info, resource: asked.resource, ...(asked.origin === undefined ? {} : { origin: asked.origin }) });
  const flight = edge.inFlight.begin(exchange, () => { tooLate(exchange, asked); }, askedTimeoutMs(target.query));
  let result: Result;
  try {
    const isReadHere = !readOnly.has(verb) && target.info.subresource !== 'proxy';
    const body = isReadHere ? await bodyOf(edge, exchange, verb, flight.signal).catch((error: unknown) => { givenUp?.(error); throw error; }) : undefined;
    result = await handle(callOf(exchange.headers, asked, info, body, flight));
  } finally {
    flight.end();
  }
  if (exchange.gone) return clientGone;
  if (result.type === 'watch') {
    const type = answer.media === protobufType ? `${protobufType};stream=watch` : 'application/json';
    await streamWatch(exchange, { ...headers, 'content-type': type }, result, watchForm(edge, answer, target), edge.frames, edge.queues, edge.stopped);
  } else if (result.type === 'agent') {
    if (target.info.subresource !== 'log') throw failure('BadRequest', 'Upgrade request required');
    await streamFromAgent(exchange, edge.agentLink, result, plain(headers));
  } else if (result.type === 'proxy') {
    return proxy(exchange, result.target, edge.agentLink, { address: asked.address, headers });
  } else {
    const rendering: Rendering = {
      answer, pretty: isPretty(target.query, exchange.headers['user-agent']), query: target.query, headers, tables: edge.tables, protobuf: edge.encoder, idleMs,
    };
    await render(exchange, result, rendering);
  }
  return 'code' in result ? result.code : 200;
}

function watchForm({ tables, encoder }: Edge, { as, media }: Answer, { query }: Target): WatchForm {
  if (media === protobufType) return { shared: as === 'json' ? 'protobuf' : 'protobuf-metadata', failed: protobufErrorFrame(encoder) };
  if (as === 'Table') return { own: tableFrames(tables, includeObject(query)), failed: errorFrame };
  return { shared: as === 'json' ? 'json' : 'metadata', failed: errorFrame };
}

/** Whatever still works on it: the caller waits no longer. */
function tooLate(exchange: Exchange, { headers, target }: Pick<Asked, 'headers' | 'target'>): void {
  if (exchange.begun) return;
  const error = failure('Timeout', 'Timeout: request did not complete within the allotted timeout');
  // What can be rejected is compression, of which an answer this short has none.
  renderFailure(exchange, error, { headers, pretty: isPretty(target.query, exchange.headers['user-agent']) }).catch(() => { exchange.abort(); });
}

/** For metrics alone: nobody was there to be answered. */
const clientGone = 499;

function plain(headers: OutgoingHttpHeaders): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
}

const readOnly: ReadonlySet<string> = new Set(['get', 'list', 'watch']);

async function bodyOf({ protobuf, yaml }: Edge, exchange: Exchange, verb: string, signal: AbortSignal): Promise<Body | undefined> {
  const bytes = await exchange.body(maxBodyBytes, signal);
  if (bytes.length === 0) return undefined;
  const header = exchange.headers['content-type'];
  if (mediaTypeOf(header) === protobufType && verb !== 'patch') return { content: { value: protobuf.decode(bytes) }, mediaType: 'application/json' };
  const mediaType = verb === 'patch' ? mediaTypeOf(header) : bodyType(header);
  return { content: { bytes }, mediaType, ...(isSlowYaml(bytes, mediaType) ? { yaml: await yaml.read(bytes) } : {}) };
}

function callOf(asking: IncomingHttpHeaders, { target, user, resource, answer, headers, origin }: Asked, info: RequestInfo, body: Body | undefined, flight: { readonly signal: AbortSignal }): Call {
  let warnings: Call['warn'] | undefined;
  return {
    info, user, resource, query: target.query, search: target.search, accept: answer,
    ...(body === undefined ? {} : { body }),
    ...(origin === undefined ? {} : { origin }),
    ...(target.info.verb === 'patch' && target.info.subresource !== 'proxy' ? { patchType: patchTypeOf(asking) } : {}),
    userAgent: userAgentOf(asking),
    get signal() {
      return flight.signal;
    },
    warn(text) {
      warnings ??= createWarnings(headers);
      warnings(text);
    },
  };
}

function patchTypeOf(headers: IncomingHttpHeaders) {
  const type = mediaTypeOf(headers['content-type']);
  const known = patchTypes.find((one) => one === type);
  if (known === undefined) throw unsupportedPatch();
  return known;
}

function userAgentOf(headers: IncomingHttpHeaders): string {
  const [name = ''] = (headers['user-agent'] ?? '').split('/', 1);
  return name;
}

/** Subresources whose upgrade does no more than their GET, or has its own say in who may. */
const onlyReads: ReadonlySet<string> = new Set(['log', 'proxy']);

/** One upgrade: authorized like any request, then spliced to the node's agent (exec, attach, port-forward, logs), or a watch. Never throws. */
export async function serveUpgrade(edge: Edge, request: IncomingMessage, socket: Duplex, head: Buffer, peer: Peer): Promise<void> {
  const { method = 'GET', url = '/' } = request;
  const headers = withRepeated(request.headers, request.rawHeaders);
  const origin = edge.audit === undefined ? undefined : originOf({ headers, url }, peer, auditId(edge, headers));
  let user: User | undefined;
  let target: Target | undefined;
  let isRecorded = false;
  try {
    target = parseTarget(method, url);
    edge.ended.throwIfAborted();
    user = await authenticate(edge, headers, peer);
    dropProtocolTokens(request.headers);
    const extension = edge.extensions.at(target.info.path);
    if (extension !== undefined) {
      authorize(edge.authorizer, user, target.info);
      const found = edge.extensions.target(extension, user, url);
      if (found === undefined) throw failure('ServiceUnavailable', 'service unavailable');
      isRecorded = true;
      const trail = origin === undefined ? undefined : edge.audit?.begin({ user, info: target.info, origin });
      await proxyUpgrade({ request, socket, head }, found, edge.agentLink, peer.address).catch((error: unknown) => { trail?.failed(failureOf(error)); throw error; });
      trail?.complete({ code: 101 });
      return;
    }
    if (!target.info.isResource) throw failure('NotFound', 'the server could not find the requested resource');
    const resource = resourceOf(edge, target, user);
    const answer = target.info.verb === 'watch' ? answerFor(edge, headers, resource) : plainJson;
    const call = callOf(headers, { target, user, resource, answer, headers: {}, origin, address: peer.address }, target.info, undefined, { signal: edge.stopped });
    // A WebSocket handshake is a GET: who may only read must not run commands by it.
    if (target.info.verb === 'get' && !onlyReads.has(target.info.subresource)) authorize(edge.authorizer, user, { ...target.info, verb: 'create' });
    isRecorded = true;
    const result = await edge.dispatch.call(call);
    const ends = { request, socket, head };
    if (result.type === 'proxy') await proxyUpgrade(ends, result.target, edge.agentLink, peer.address);
    else if (result.type === 'agent') await spliceToAgent(ends, edge.agentLink, result);
    else if (result.type === 'watch') await watchOverSocket(ends, result, watchForm(edge, answer, target), edge.frames, edge.queues, edge.stopped);
    else throw failure('BadRequest', 'this resource can\'t be upgraded');
  } catch (error) {
    const known = failureOf(error);
    if (!(error instanceof ApiError) && known.code === 500) edge.onError(`${method} ${url}`, error);
    if (!isRecorded && target !== undefined && origin !== undefined) recordRefusal(edge, { user, target, origin }, known);
    refuseUpgrade(socket, known);
  }
}

function refuseUpgrade(socket: Duplex, { code, status }: ApiError): void {
  const body = JSON.stringify(status);
  socket.end(`HTTP/1.1 ${code} ${status.reason ?? 'Failure'}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`);
}
