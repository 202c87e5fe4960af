import { Pod } from '../../../machinery/kinds/core.ts';
import { Path, forbidden, required, type FieldError } from '../../../machinery/field-path.ts';
import { qosClass } from '../../../machinery/pod/qos.ts';
import { isMirror, mirrorAnnotation } from '../../../machinery/pod/static.ts';
import { defineResource, type Subresource } from '../define.ts';
import { proxied } from '../proxied.ts';
import { podColumns } from './pod/columns.ts';
import { defaultPod } from './pod/defaults.ts';
import { validateDeletionCost, validatePodSpec } from './pod/spec.ts';
import { validatePodStatusUpdate, validatePodUpdate } from './pod/update.ts';
import { hostNameWarnings, podWarnings } from './pod/warnings.ts';

const connect = (of: string, kind: string): Subresource => ({ name: of, kind: { group: '', version: 'v1', kind }, verbs: ['create', 'get'] });

const annotations = new Path('metadata.annotations');

/** Source: "Pods", "Pod lifecycle". */
export const pod = defineResource(Pod, {
  shortNames: ['po'],
  categories: ['all'],
  generation: true,
  status: true,
  subresources: [
    connect('attach', 'PodAttachOptions'),
    { name: 'binding', kind: { group: '', version: 'v1', kind: 'Binding' }, verbs: ['create'] },
    { name: 'eviction', kind: { group: 'policy', version: 'v1', kind: 'Eviction' }, verbs: ['create'] },
    { name: 'ephemeralcontainers', kind: Pod, verbs: ['get', 'patch', 'update'] },
    connect('exec', 'PodExecOptions'),
    { name: 'log', kind: Pod, verbs: ['get'] },
    connect('portforward', 'PodPortForwardOptions'),
    { name: 'resize', kind: Pod, verbs: ['get', 'patch', 'update'] },
    proxied('PodProxyOptions'),
  ],
  fields: {
    'spec.nodeName': (object) => object.spec?.nodeName ?? '',
    'spec.restartPolicy': (object) => object.spec?.restartPolicy ?? '',
    'spec.schedulerName': (object) => object.spec?.schedulerName ?? '',
    'spec.serviceAccountName': (object) => object.spec?.serviceAccountName ?? '',
    'spec.hostNetwork': (object) => String(object.spec?.hostNetwork ?? false),
    'status.phase': (object) => object.status?.phase ?? '',
    'status.podIP': (object) => object.status?.podIPs?.[0]?.ip ?? object.status?.podIP ?? '',
    'status.podIPs': (object) => object.status?.podIPs?.[0]?.ip ?? '',
    'status.nominatedNodeName': (object) => object.status?.nominatedNodeName ?? '',
  },
  columns: podColumns,
  defaults: defaultPod,
  prepareForCreate(draft) {
    draft.status = { phase: 'Pending', ...(draft.spec === undefined ? {} : { qosClass: qosClass(draft.spec) }) };
    if ((draft.spec?.schedulingGates ?? []).length > 0) {
      draft.status.conditions = [{ type: 'PodScheduled', status: 'False', reason: 'SchedulingGated', message: 'Scheduling is blocked due to non-empty scheduling gates' }];
    }
  },
  validate: (object) => [
    ...validateDeletionCost(object.metadata?.annotations, annotations),
    ...validateMirror(object),
    ...validatePodSpec(object.spec, new Path('spec'), true),
  ],
  validateCreate: (object) => ((object.spec?.ephemeralContainers ?? []).length === 0 ? [] : [forbidden(new Path('spec.ephemeralContainers'), 'cannot be set on create')]),
  validateUpdate: validatePodUpdate,
  validateStatusUpdate: validatePodStatusUpdate,
  createWarnings: (object) => [...hostNameWarnings(object.metadata?.name, "the Pod's hostname"), ...podWarnings(object)],
  deletion: { graceSeconds, answersObject: true },
});

function validateMirror(object: Pod): FieldError[] {
  if (!isMirror(object) || (object.spec?.nodeName ?? '') !== '') return [];
  return [required(annotations.key(mirrorAnnotation), 'must set spec.nodeName if mirror pod annotation is set')];
}

/** A pod that no node runs, or that has ended, goes at once; a negative period means one second. */
function graceSeconds(object: Pod, asked: number | undefined): number {
  const { phase } = object.status ?? {};
  if ((object.spec?.nodeName ?? '') === '' || phase === 'Succeeded' || phase === 'Failed') return 0;
  const seconds = asked ?? object.spec?.terminationGracePeriodSeconds ?? 0;
  return seconds < 0 ? 1 : seconds;
}
