import { methodOf, parseAnswer, pathOf } from '../../client/https.ts';
import type { ApiRequest } from '../../client/transport.ts';
import type { KubernetesObject } from '../../machinery/kinds/kind.ts';
import { failure } from '../../machinery/status.ts';
import type { Authorizer } from '../access/access.ts';
import type { Auditor } from '../audit/auditor.ts';
import { authorize } from '../dispatch.ts';
import { failureOf } from '../http/failure-status.ts';
import type { Origin, RequestInfo, User } from '../request.ts';
import type { Extensions } from './extensions.ts';

/** Requests of components inside this process that an extension server answers: let through by this server's rules first, as remote ones. */
export interface ExtensionRequests {
  /** Undefined: this server answers itself. Rejects with `ApiError`. */
  send(request: ApiRequest, asked: Asked, signal: AbortSignal): Promise<KubernetesObject> | undefined;
}

interface Asked {
  readonly user: User;
  readonly info: RequestInfo;
  readonly origin?: Origin;
}

export interface ExtensionRequestsOptions {
  readonly extensions: Pick<Extensions, 'at' | 'target' | 'ask'>;
  readonly authorizer: Authorizer;
  readonly auditor: Auditor | undefined;
}

export function createExtensionRequests({ extensions, authorizer, auditor }: ExtensionRequestsOptions): ExtensionRequests {
  async function answer(service: NonNullable<ReturnType<Extensions['at']>>, request: ApiRequest, { user, info }: Asked, signal: AbortSignal): Promise<{ readonly code: number; readonly object: KubernetesObject }> {
    authorize(authorizer, user, info);
    const method = methodOf[request.verb];
    const target = extensions.target(service, user, pathOf(request));
    if (target === undefined) throw unavailable(method, request);
    const body = request.body === undefined ? '' : JSON.stringify(request.body);
    const headers = { accept: 'application/json', ...(body === '' ? {} : { 'content-type': request.patchType ?? 'application/json' }) };
    const answered = await extensions.ask(target, headers, signal, { method, body }).catch((cause: unknown) => { throw unavailable(method, request, cause); });
    const object = parseAnswer(answered.code, answered.body.toString());
    if (typeof object !== 'object' || object === null) throw failure('InternalError', 'the extension server answered with something that is no object');
    return { code: answered.code, object };
  }

  return {
    send(request, asked, signal) {
      const service = extensions.at(asked.info.path);
      if (service === undefined || request.verb === 'watch') return undefined;
      const trail = asked.origin === undefined ? undefined : auditor?.begin({ ...asked, origin: asked.origin });
      return answer(service, request, asked, signal).then(({ code, object }) => {
        trail?.complete({ code });
        return object;
      }, (error: unknown) => {
        trail?.failed(failureOf(error));
        throw error;
      });
    },
  };
}

/** Wording: client-go's, of an answer that no API server gave. */
function unavailable(method: string, { resource, group }: ApiRequest, cause?: unknown) {
  return failure('ServiceUnavailable', `the server is currently unable to handle the request (${method.toLowerCase()} ${resource}.${group})`, undefined, { cause });
}
