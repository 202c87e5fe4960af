import { failure, type ApiError, type StatusDetails } from '../../machinery/status.ts';
import type { RequestInfo } from '../request.ts';

/** 403 for an object, whatever the reason: `pods "x" is forbidden: <why>`. */
export function refused(target: Pick<RequestInfo, 'group' | 'resource' | 'name'>, why: string, causes?: StatusDetails['causes']): ApiError {
  const qualified = target.group === '' ? target.resource : `${target.resource}.${target.group}`;
  const named = target.name === '' ? qualified : `${qualified} ${JSON.stringify(target.name)}`;
  return failure('Forbidden', `${named} is forbidden: ${why}`, {
    ...(target.name === '' ? {} : { name: target.name }), ...(target.group === '' ? {} : { group: target.group }), kind: target.resource,
    ...(causes === undefined ? {} : { causes }),
  });
}
