import { isDeepStrictEqual } from 'node:util';
import type { Pod, Toleration } from '../../machinery/kinds/core.ts';
import { RuntimeClass } from '../../machinery/kinds/runtime-class.ts';
import type { Draft } from '../../machinery/kinds/wire.ts';
import { refused } from '../access/refused.ts';
import type { Caches } from '../store/cache.ts';
import { targetOf, type Admitted, type AdmissionPlugin } from './admission.ts';

/** What a pod's runtime class adds to it: overhead, and where it can run. Source: "Runtime class"; wording: the RuntimeClass plug-in of kube-apiserver. */
export const runtimeClass: AdmissionPlugin = {
  name: 'RuntimeClass',
  handles: ({ operation, resource, subresource }) => operation === 'CREATE' && subresource === '' && resource.group === '' && resource.plural === 'pods',
  mutate(write, draft) {
    const { spec } = draft as Draft<Pod>;
    const found = classOf(write, spec);
    if (spec === undefined || found === undefined) return;
    setOverhead(write, spec, found);
    setScheduling(write, spec, found);
  },
  validate(write, object) {
    const { spec } = object as Pod;
    const found = classOf(write, spec);
    if (spec?.overhead !== undefined && !isDeepStrictEqual({ ...spec.overhead }, { ...found?.overhead?.podFixed })) {
      throw rejected(write, found?.overhead?.podFixed === undefined ? 'Pod Overhead set without corresponding RuntimeClass defined Overhead' : "Pod's Overhead doesn't match RuntimeClass's defined Overhead");
    }
  },
};

type Spec = NonNullable<Draft<Pod>['spec']>;

/** Undefined: the pod names none. Throws 403 for one that isn't there. */
function classOf(write: Admitted, spec: Pod['spec']): RuntimeClass | undefined {
  const name = spec?.runtimeClassName ?? '';
  if (name === '') return undefined;
  const found = lookUp(write.caches, name);
  if (found === undefined) throw rejected(write, `RuntimeClass ${JSON.stringify(name)} not found`);
  return found;
}

function lookUp(caches: Caches, name: string): RuntimeClass | undefined {
  return caches.of(RuntimeClass).get(undefined, name)?.object;
}

function setOverhead(write: Admitted, spec: Spec, { overhead }: RuntimeClass): void {
  if (overhead?.podFixed === undefined) return;
  if (spec.overhead !== undefined && !isDeepStrictEqual({ ...spec.overhead }, { ...overhead.podFixed })) throw rejected(write, "Pod's Overhead doesn't match RuntimeClass's defined Overhead");
  spec.overhead = { ...overhead.podFixed };
}

function setScheduling(write: Admitted, spec: Spec, { scheduling }: RuntimeClass): void {
  for (const [key, value] of Object.entries(scheduling?.nodeSelector ?? {})) {
    const own = spec.nodeSelector?.[key];
    if (own !== undefined && own !== value) throw refused(targetOf(write), `conflict: runtimeClass.scheduling.nodeSelector[${key}] = ${value}; pod.spec.nodeSelector[${key}] = ${own}`);
    spec.nodeSelector = { ...spec.nodeSelector, [key]: value };
  }
  const missing = (scheduling?.tolerations ?? []).filter((toleration) => !(spec.tolerations ?? []).some((own) => isDeepStrictEqual({ ...own }, { ...toleration })));
  if (missing.length > 0) spec.tolerations = [...(spec.tolerations ?? []), ...missing.map((toleration) => ({ ...toleration }) as Draft<Toleration>)];
}

function rejected(write: Admitted, why: string) {
  return refused(targetOf(write), `pod rejected: ${why}`);
}
