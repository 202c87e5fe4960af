import { createHash } from 'node:crypto';
import { rfc3339 } from '../pod/status.ts';
import type { Pod } from '../../machinery/kinds/core.ts';
import { hashAnnotation, mirrorAnnotation, seenAnnotation, sourceAnnotation } from '../../machinery/pod/static.ts';
import { sortedJson } from '../../machinery/sorted-json.ts';
import { apiReference } from './references.ts';

/** Where a static pod comes from. */
export interface Origin {
  /** Path of its file. */
  readonly file: string;
  readonly nodeName: string;
  /** When it was read, milliseconds since the epoch. */
  readonly seenAt: number;
}

/**
 * The pod that a node makes of a manifest: named after the node, known by a hash of what is written, not to be moved by taints.
 * Its defaults are still to come: they may be others tomorrow, and the same file is the same pod. Throws what is wrong with it.
 * Source: "Create static Pods"; the kubelet's answers, as observed.
 */
export function staticPod(written: Pod, { file, nodeName, seenAt }: Origin): Pod {
  const { name = '', namespace = 'default', labels, annotations = {} } = written.metadata ?? {};
  if (name === '') throw new Error('invalid pod: name is needed for the pod');
  const reference = apiReference(written);
  if (reference !== undefined) throw new Error(`static pods may not reference ${reference}`);
  const { status: _status, ...manifest } = written;
  const uid = createHash('sha256').update(sortedJson(manifest)).update(`\0${nodeName}\0${file}`).digest('hex').slice(0, uidDigits);
  const { [mirrorAnnotation]: _mirror, ...kept } = annotations;
  return {
    apiVersion: 'v1', kind: 'Pod',
    metadata: {
      name: `${name}-${nodeName.toLowerCase()}`, namespace: namespace === '' ? 'default' : namespace, uid, ...(labels === undefined ? {} : { labels }),
      annotations: { ...kept, [hashAnnotation]: uid, [seenAnnotation]: rfc3339(seenAt), [sourceAnnotation]: 'file' },
    },
    spec: withSpec(written.spec ?? { containers: [] }, nodeName),
  };
}

const uidDigits = 32;
const everyNoExecute = { operator: 'Exists', effect: 'NoExecute' };

function withSpec(spec: NonNullable<Pod['spec']>, nodeName: string): NonNullable<Pod['spec']> {
  const { tolerations = [] } = spec;
  const stays = tolerations.some(({ key = '', operator, effect, tolerationSeconds }) => key === '' && operator === 'Exists' && effect === 'NoExecute' && tolerationSeconds === undefined);
  return { ...spec, nodeName, tolerations: stays ? tolerations : [...tolerations, everyNoExecute] };
}
