import { failure } from '../machinery/status.ts';
import type { Authorizer } from './access/access.ts';
import { forbidden } from './access/forbidden.ts';
import type { Call, Handler, RequestInfo, Result, User } from './request.ts';

export type Dispatch = (call: Call) => Promise<Result>;

/**
 * What happens to a call, whoever carries it: may its user do this, then the code of its verb. `call.info` is as the URL says
 * (a namespace's own requests are in that namespace, for authorization); handlers of cluster-scoped kinds see no namespace.
 */
export function createDispatch(authorizer: Authorizer, handlerOf: (call: Call) => Handler): Dispatch {
  return async (call) => {
    authorize(authorizer, call.user, call.info);
    if (call.resource.scope === 'Cluster' && call.info.namespace !== '' && call.resource.plural !== 'namespaces') {
      throw failure('NotFound', 'the server could not find the requested resource');
    }
    const inScope = call.resource.scope === 'Cluster' && call.info.namespace !== '' ? { ...call, info: { ...call.info, namespace: '' } } : call;
    return handlerOf(inScope)(inScope);
  };
}

/** Throws 403. */
export function authorize(authorizer: Authorizer, user: User, info: RequestInfo): void {
  const decision = authorizer.authorize(user, info);
  if (!decision.allowed) throw forbidden(user, info, decision.reason);
}
