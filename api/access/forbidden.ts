import { failure, type ApiError } from '../../machinery/status.ts';
import type { RequestInfo, User } from '../request.ts';
import { refused } from './refused.ts';

/** 403 in Kubernetes' words, for a request that the authorizer refused. */
export function forbidden(user: User, info: RequestInfo, reason = ''): ApiError {
  const because = reason === '' ? '' : `: ${reason}`;
  const who = `User ${JSON.stringify(user.name)} cannot ${info.verb}`;
  if (!info.isResource) return failure('Forbidden', `forbidden: ${who} path ${JSON.stringify(info.path)}${because}`, {});
  const resource = info.subresource === '' ? info.resource : `${info.resource}/${info.subresource}`;
  const where = info.namespace === '' ? 'at the cluster scope' : `in the namespace ${JSON.stringify(info.namespace)}`;
  return refused(info, `${who} resource ${JSON.stringify(resource)} in API group ${JSON.stringify(info.group)} ${where}${because}`);
}
