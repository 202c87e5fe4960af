import { connect, constants, type ClientHttp2Session } from 'node:http2';
import { systemCode } from '../../../machinery/thrown.ts';

/** The gRPC health checking protocol: one `Check` of a service over plain HTTP/2. Source: "GRPC Health Checking Protocol", health/v1/health.proto. */
export interface HealthCheck {
  readonly host: string;
  readonly port: number;
  /** '' is the server as a whole. */
  readonly service: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

const { HTTP2_HEADER_PATH, HTTP2_HEADER_METHOD, HTTP2_HEADER_STATUS, NGHTTP2_CANCEL } = constants;
const statuses = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'] as const;
/** gRPC's own, from its status codes. */
const [ok, deadlineExceeded, unimplemented] = ['0', '4', '12'];
const codeNames: Readonly<Record<string, string>> = {
  1: 'Canceled', 2: 'Unknown', 3: 'InvalidArgument', 4: 'DeadlineExceeded', 5: 'NotFound', 7: 'PermissionDenied', 8: 'ResourceExhausted', 12: 'Unimplemented',
  13: 'Internal', 14: 'Unavailable', 16: 'Unauthenticated',
};
/** A health answer has a few bytes; whoever sends more speaks something else. */
const longestAnswer = 4096;

/** `undefined`: it is serving; else why the probe failed, in Kubernetes' words. Never rejects. */
export async function checkHealth({ host, port, service, timeoutMs, signal }: HealthCheck): Promise<string | undefined> {
  const address = `${host}:${port}`;
  const late = AbortSignal.timeout(timeoutMs);
  const stop = AbortSignal.any([signal, late]);
  const session = connect(`http://${address}`);
  const within = `${timeoutMs / 1000}s`;
  try {
    await connected(session, stop);
  } catch (error) {
    session.destroy();
    if (late.aborted) return `timeout: failed to connect service "${address}" within ${within}: context deadline exceeded`;
    const cause = systemCode(error) === 'ECONNREFUSED' ? `dial tcp ${address}: connect: connection refused` : String(error);
    return `error: failed to connect service at "${address}": connection error: desc = "transport: Error while dialing: ${cause}"`;
  }
  try {
    const answer = await check(session, service, timeoutMs, stop);
    if (answer.code === unimplemented) return `error: this server does not implement the grpc health protocol (grpc.health.v1.Health): ${answer.message}`;
    if (answer.code === deadlineExceeded) return `timeout: health rpc did not complete within ${within}`;
    if (answer.code !== ok) return `error: health rpc probe failed: rpc error: code = ${codeNames[answer.code] ?? 'Unknown'} desc = ${answer.message}`;
    const status = statusIn(answer.body);
    return status === 'SERVING' ? undefined : `service unhealthy (responded with "${status}")`;
  } catch (error) {
    return late.aborted ? `timeout: health rpc did not complete within ${within}` : `error: health rpc probe failed: ${String(error)}`;
  } finally {
    session.destroy();
  }
}

function connected(session: ClientHttp2Session, stop: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    // HTTP/2 begins with the server's settings: a port that is only open is no gRPC.
    session.once('remoteSettings', () => resolve()).on('error', reject).once('close', () => reject(new Error('the connection was closed')));
    stop.addEventListener('abort', () => reject(stop.reason), { once: true });
    if (stop.aborted) reject(stop.reason);
  });
}

interface Answer {
  /** gRPC's status code. */
  readonly code: string;
  readonly message: string;
  readonly body: Buffer;
}

function check(session: ClientHttp2Session, service: string, timeoutMs: number, stop: AbortSignal): Promise<Answer> {
  const stream = session.request({
    [HTTP2_HEADER_METHOD]: 'POST', [HTTP2_HEADER_PATH]: '/grpc.health.v1.Health/Check', 'content-type': 'application/grpc', te: 'trailers', 'grpc-timeout': `${timeoutMs}m`,
    'user-agent': 'kube-probe/1.36',
  });
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    let headers: Readonly<Record<string, unknown>> = {};
    const give = (error: Error): void => {
      stream.close(NGHTTP2_CANCEL);
      reject(error);
    };
    stop.addEventListener('abort', () => give(stop.reason instanceof Error ? stop.reason : new Error('the probe was ended')), { once: true });
    stream.on('response', (received) => {
      headers = received;
    }).on('trailers', (received) => {
      headers = { ...headers, ...received };
    }).on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      size += chunk.length;
      if (size > longestAnswer) give(new Error('the answer is too long'));
    }).on('error', reject).on('close', () => {
      const status = headers[HTTP2_HEADER_STATUS];
      const code = headers['grpc-status'];
      if (typeof code === 'string') resolve({ code, message: decodeURIComponent(String(headers['grpc-message'] ?? '')), body: Buffer.concat(chunks) });
      // Source: gRPC over HTTP2, "HTTP to gRPC status code mapping".
      else if (status === 404) resolve({ code: unimplemented ?? '', message: 'unexpected HTTP status code received from server: 404 (Not Found)', body: Buffer.alloc(0) });
      else reject(new Error(`unexpected HTTP status code received from server: ${String(status)}`));
    });
    stream.end(requestFor(service));
  });
}

/** One uncompressed message: `HealthCheckRequest { string service = 1; }`. */
function requestFor(service: string): Buffer {
  const name = Buffer.from(service);
  const message = name.length === 0 ? Buffer.alloc(0) : Buffer.concat([Buffer.of(0x0a), varint(name.length), name]);
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 0x80) return Buffer.from([...bytes, rest]);
    bytes.push((rest & 0x7f) | 0x80);
  }
}

/** `HealthCheckResponse { ServingStatus status = 1; }`; without the field it is the first. */
function statusIn(body: Buffer): string {
  const message = body.subarray(5, 5 + (body.length < 5 ? 0 : body.readUInt32BE(1)));
  const number = message[0] === 0x08 ? message[1] ?? 0 : 0;
  return statuses[number] ?? String(number);
}
