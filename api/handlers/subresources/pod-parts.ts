import type { Pod } from '../../../machinery/kinds/core.ts';
import type { Call, Result } from '../../request.ts';
import { keepAllButEphemeral, validateEphemeral, validateEphemeralUpdate } from '../../resources/core/pod/ephemeral.ts';
import { keepAllButResources, validateResize } from '../../resources/core/pod/resize.ts';
import { pod } from '../../resources/core/pod.ts';
import type { Resource } from '../../resources/define.ts';
import { get } from '../get.ts';
import { patch } from '../patch.ts';
import type { Reader } from '../reader.ts';
import { update } from '../update.ts';
import type { Writer } from '../writer.ts';

/**
 * `pods/ephemeralcontainers` and `pods/resize`: the pod, of which a write changes one part by rules of its own.
 * Source: "Ephemeral containers", "Resize CPU and memory resources assigned to containers".
 */
const parts: Readonly<Record<string, Resource<Pod>>> = {
  ephemeralcontainers: { ...pod, prepareForUpdate: keepAllButEphemeral, validate: validateEphemeral, validateUpdate: validateEphemeralUpdate },
  resize: { ...pod, prepareForUpdate: keepAllButResources, validateUpdate: validateResize },
};

export function podPart(deps: Reader & Writer, call: Call): Promise<Result> {
  const resource: Resource = parts[call.info.subresource] ?? call.resource;
  switch (call.info.verb) {
    case 'get': return get(deps, call);
    case 'patch': return patch(deps, { ...call, resource });
    default: return update(deps, { ...call, resource });
  }
}
