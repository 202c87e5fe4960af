/** Records what is dispatched, whoever carries it. */
import { ApiError } from '../../machinery/status.ts';
import type { Dispatch } from '../dispatch.ts';
import { scanJson } from '../schema/json-scan.ts';
import type { Call, Handler, Result, WatchResult, WatchSink } from '../request.ts';
import type { Auditor, Trail } from './auditor.ts';

/** `dispatch` with each call recorded that has an origin. `failureOf` makes of what was thrown what the caller is told. */
export function auditedDispatch(dispatch: Dispatch, auditor: Auditor, failureOf: (error: unknown) => ApiError): Dispatch {
  function recorded(trail: Trail, handle: Handler): Handler {
    return async (call) => {
      const { body } = call;
      if (body !== undefined) trail.requested(() => sentIn(body));
      try {
        return followed(trail, await handle(call));
      } catch (error) {
        trail.failed(failureOf(error));
        throw error;
      }
    };
  }

  const audited: Dispatch = {
    route(asked) {
      const trail = asked.origin === undefined ? undefined : auditor.begin({ user: asked.user, info: asked.info, origin: asked.origin });
      try {
        const { info, handle } = dispatch.route(asked);
        if (trail === undefined) return { info, handle };
        asked.origin?.annotations.set('authorization.k8s.io/decision', 'allow');
        return { info, handle: recorded(trail, handle), givenUp: (error) => { trail.failed(failureOf(error)); } };
      } catch (error) {
        const known = failureOf(error);
        if (known.code === 403) asked.origin?.annotations.set('authorization.k8s.io/decision', 'forbid');
        trail?.failed(known);
        throw error;
      }
    },
    async call(call) {
      const { info, handle } = audited.route(call);
      return handle(info === call.info ? call : { ...call, info });
    },
  };
  return audited;
}

/** The body as a value; what is no JSON is not written down. */
function sentIn({ content }: NonNullable<Call['body']>): unknown {
  if ('value' in content) return content.value;
  try {
    // What is nested deeper than an object may be can be parsed, but not written.
    scanJson(content.bytes);
    return JSON.parse(content.bytes.toString('utf8'));
  } catch {
    // YAML is what only people send, and never in a hurry; its bytes are not worth a second parser here.
    return undefined;
  }
}

function followed(trail: Trail, result: Result): Result {
  if (result.type === 'watch') {
    trail.started();
    return { ...result, open: (sink) => openRecorded(trail, result, sink) };
  }
  const code = 'code' in result ? result.code : result.type === 'agent' ? 101 : 200;
  trail.complete({ code, object: () => answerOf(result) });
  return result;
}

/** Complete when the watch ends by itself or is closed. */
function openRecorded(trail: Trail, { open }: WatchResult, sink: WatchSink): { close(): void } {
  const flow = open({
    ...sink,
    end(error) {
      trail.complete({ code: 200 });
      sink.end(error);
    },
  });
  return {
    close() {
      trail.complete({ code: 200 });
      flow.close();
    },
  };
}

function answerOf(result: Exclude<Result, { type: 'watch' }>): unknown {
  switch (result.type) {
    case 'entry': return result.entry.object;
    case 'object': return result.object;
    case 'list': return { kind: result.resource.listKind, metadata: { resourceVersion: String(result.revision) }, items: result.entries.map(({ object }) => object) };
    default: return undefined;
  }
}
