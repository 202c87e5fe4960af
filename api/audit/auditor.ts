/** Records of who asked for what and what came of it. Source: "Auditing", audit.k8s.io/v1 Event. */
import { ApiError, type Status } from '../../machinery/status.ts';
import { userInfoOf, type Origin, type RequestInfo, type User } from '../request.ts';
import type { Policy, Stage, Verdict } from './policy.ts';
import { redacted, redactedStatus } from './redaction.ts';

/** Where events go. Must not throw. */
export type AuditSink = (event: object) => void;

export interface AuditorOptions {
  readonly policy: Policy;
  readonly sink: AuditSink;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

export interface Asked {
  readonly user: User;
  readonly info: RequestInfo;
  readonly origin: Origin;
}

/** What came of a request: the code, and what was answered, made only when it is recorded. */
export interface Outcome {
  readonly code: number;
  readonly status?: Status;
  readonly object?: () => unknown;
}

/** One request on its way. */
export interface Trail {
  /** What was sent, made only when it is recorded. */
  requested(object: () => unknown): void;
  /** An answer that goes on (a watch) has begun. */
  started(): void;
  complete(outcome: Outcome): void;
  /** As `complete`, of what was thrown. */
  failed(error: ApiError): void;
}

export interface Auditor {
  /** Undefined: this request is not recorded. */
  begin(asked: Asked): Trail | undefined;
}

export function createAuditor({ policy, sink, now }: AuditorOptions): Auditor {
  return {
    begin(asked) {
      const verdict = policy(asked.user, asked.info);
      if (verdict.level === 'None') return undefined;
      return trail(asked, verdict, sink, now);
    },
  };
}

function trail(asked: Asked, { level, omitStages }: Verdict, sink: AuditSink, now: () => number): Trail {
  const received = microTime(now());
  const { info, origin } = asked;
  let request: unknown;
  let isComplete = false;
  const emit = (stage: Stage, more: object = {}): void => {
    if (omitStages.has(stage)) return;
    const annotations = Object.fromEntries(origin.annotations);
    sink({
      kind: 'Event', apiVersion: 'audit.k8s.io/v1', level, auditID: origin.auditId, stage, requestURI: origin.uri, verb: info.verb,
      ...usersOf(asked.user), sourceIPs: origin.addresses, ...(origin.userAgent === '' ? {} : { userAgent: origin.userAgent }),
      ...(info.isResource ? { objectRef: referenceOf(info) } : {}),
      ...(request === undefined || stage === 'RequestReceived' ? {} : { requestObject: request }),
      ...more, requestReceivedTimestamp: received, stageTimestamp: microTime(now()),
      ...(origin.annotations.size === 0 ? {} : { annotations }),
    });
  };
  const end = (code: number, status: Status | undefined, answer: unknown): void => {
    if (isComplete) return;
    isComplete = true;
    emit('ResponseComplete', { responseStatus: statusOf(code, status), ...(answer === undefined ? {} : { responseObject: answer }) });
  };
  emit('RequestReceived');
  return {
    requested(object) {
      if (level !== 'Metadata') request = redacted(info, object());
    },
    started: () => emit('ResponseStarted', { responseStatus: { metadata: {}, code: 200 } }),
    complete: ({ code, status, object }) => end(code, status, level === 'RequestResponse' && object !== undefined ? redacted(info, object()) : undefined),
    failed({ code, status }) {
      const shown = redactedStatus(info, status);
      end(code, shown, level === 'RequestResponse' ? shown : undefined);
    },
  };
}

function statusOf(code: number, status: Status | undefined): object {
  if (status === undefined) return { metadata: {}, code };
  return { metadata: {}, status: status.status, message: status.message, reason: status.reason, ...(status.details === undefined ? {} : { details: status.details }), code };
}

/** The one who called, and whom they acted as. */
function usersOf(user: User): object {
  return user.impersonator === undefined ? { user: userInfoOf(user) } : { user: userInfoOf(user.impersonator), impersonatedUser: userInfoOf(user) };
}

function referenceOf({ resource, namespace, name, group, version, subresource }: RequestInfo): object {
  return {
    resource, ...(namespace === '' ? {} : { namespace }), ...(name === '' ? {} : { name }), ...(group === '' ? {} : { apiGroup: group }),
    apiVersion: version, ...(subresource === '' ? {} : { subresource }),
  };
}

/** RFC 3339 with microseconds, as MicroTime. */
function microTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace('Z', '000Z');
}
