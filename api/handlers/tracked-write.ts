import type { TrackedWrite } from '../field-management/track.ts';
import type { Call } from '../request.ts';
import { managerOf } from './write-options.ts';
import type { Writer } from './writer.ts';

/** The call's write, for `metadata.managedFields`. */
export function trackedWrite({ now, versionsOf }: Pick<Writer, 'now' | 'versionsOf'>, { resource, info, query, userAgent }: Pick<Call, 'resource' | 'info' | 'query' | 'userAgent'>): TrackedWrite {
  return {
    resource, subresource: info.subresource, manager: managerOf(query['fieldManager'], userAgent), now: now(),
    ...(versionsOf === undefined ? {} : { versions: () => versionsOf(resource) }),
  };
}
