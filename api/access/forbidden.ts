import { failure, type ApiError, type StatusDetails } from '../../machinery/status.ts';
import type { RequestInfo, User } from '../request.ts';

/** 403 in Kubernetes' words, for a request that the authorizer refused. */
export function forbidden(user: User, info: RequestInfo, reason = ''): ApiError {
  const why = reason === '' ? '' : `: ${reason}`;
  if (!info.isResource) {
    return failure('Forbidden', `forbidden: User ${JSON.stringify(user.name)} cannot ${info.verb} path ${JSON.stringify(info.path)}${why}`, {});
  }
  const resource = info.subresource === '' ? info.resource : `${info.resource}/${info.subresource}`;
  const where = info.namespace === '' ? 'at the cluster scope' : `in the namespace ${JSON.stringify(info.namespace)}`;
  const deed = `User ${JSON.stringify(user.name)} cannot ${info.verb} resource ${JSON.stringify(resource)} in API group ${JSON.stringify(info.group)} ${where}`;
  return refused(info, `${deed}${why}`);
}

/** 403 for an object: `pods "x" is forbidden: <why>`. */
export function refused(info: Pick<RequestInfo, 'group' | 'resource' | 'name'>, why: string): ApiError {
  const qualified = info.group === '' ? info.resource : `${info.resource}.${info.group}`;
  const named = info.name === '' ? qualified : `${qualified} ${JSON.stringify(info.name)}`;
  const details: StatusDetails = {
    ...(info.name === '' ? {} : { name: info.name }), ...(info.group === '' ? {} : { group: info.group }), kind: info.resource,
  };
  return failure('Forbidden', `${named} is forbidden: ${why}`, details);
}
