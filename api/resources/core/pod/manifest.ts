import { invalidObject, Path } from '../../../../machinery/field-path.ts';
import type { Pod } from '../../../../machinery/kinds/core.ts';
import type { Draft } from '../../../../machinery/kinds/wire.ts';
import { dns1123Label } from '../../../../machinery/names.ts';
import { validateMetadata } from '../../../handlers/metadata.ts';
import { createCodec } from '../../../schema/codec.ts';
import { hasMoreDocuments } from '../../../schema/yaml-text.ts';
import { optional } from '../../checks.ts';
import { pod } from '../pod.ts';

/** Pods in files that nobody sends to an API server: read, completed and judged as if somebody had. */

const codec = createCodec();
/** What a server has from a request's path, and knows to be there. */
const namespacePath = new Path('metadata.namespace');

/** The pod that a file says, in YAML or JSON. `warn` is told of what in it counts for nothing. Throws what a server would answer. */
export function decodePod(bytes: Buffer, warn: (text: string) => void): Pod {
  const read: Pod = codec.decode(pod, { content: { bytes }, mediaType: 'application/yaml' }, { fieldValidation: 'Warn', warn });
  if (hasMoreDocuments(bytes)) warn('more than one document: the first one counts, each pod is in a file of its own');
  return { ...read, spec: { ...read.spec, containers: read.spec?.containers ?? [] } };
}

/** With the defaults of everything that it leaves out. Throws what a server would refuse about it. */
export function completePod(given: Pod): Pod {
  const draft = structuredClone(given) as Draft<Pod>;
  pod.defaults?.(draft);
  pod.prepareForCreate?.(draft);
  const errors = [...validateMetadata(pod, draft), ...optional(namespacePath, draft.metadata?.namespace, dns1123Label), ...(pod.validate?.(draft) ?? []), ...(pod.validateCreate?.(draft) ?? [])];
  if (errors.length > 0) throw invalidObject(pod, draft.metadata?.name ?? '', errors);
  return draft;
}
