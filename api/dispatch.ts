import { failure } from '../machinery/status.ts';
import type { Authorizer } from './access/access.ts';
import { forbidden } from './access/forbidden.ts';
import type { Call, Handler, RequestInfo, Result, User } from './request.ts';

/** What is known of a call before anything of its body is read. */
export type Asked = Pick<Call, 'info' | 'user' | 'resource' | 'origin'>;

/** The code of a call that is allowed. */
export interface Route {
  /** As handlers see it: kinds of the whole cluster have no namespace. */
  readonly info: RequestInfo;
  readonly handle: Handler;
  /** Told why, when `handle` will not be called after all. */
  readonly givenUp?: (error: unknown) => void;
}

/**
 * What happens to a call, whoever carries it: may its user do this, then the code of its verb. `info` is as the URL says
 * (a namespace's own requests are in that namespace, for authorization); handlers of cluster-scoped kinds see no namespace.
 */
export interface Dispatch {
  /** Throws 403, 404, 405: nobody's body is read who may not send it. */
  route(asked: Asked): Route;
  /** The whole way, for a call whose body is there. */
  call(call: Call): Promise<Result>;
}

export function createDispatch(authorizer: Authorizer, handlerOf: (asked: Pick<Call, 'info' | 'resource'>) => Handler): Dispatch {
  function route({ user, info, resource }: Asked): Route {
    authorize(authorizer, user, info);
    if (resource.scope !== 'Cluster' || info.namespace === '') return { info, handle: handlerOf({ info, resource }) };
    if (resource.plural !== 'namespaces') throw failure('NotFound', 'the server could not find the requested resource');
    const inCluster = { ...info, namespace: '' };
    return { info: inCluster, handle: handlerOf({ info: inCluster, resource }) };
  }
  return {
    route,
    async call(call) {
      const { info, handle } = route(call);
      return handle(info === call.info ? call : { ...call, info });
    },
  };
}

/** Throws 403. */
export function authorize(authorizer: Authorizer, user: User, info: RequestInfo): void {
  const decision = authorizer.authorize(user, info);
  if (!decision.allowed) throw forbidden(user, info, decision.reason);
}
