import { isDeepStrictEqual } from 'node:util';
import type { Pod, Toleration } from '../../machinery/kinds/core.ts';
import { RuntimeClass } from '../../machinery/kinds/runtime-class.ts';
import { parseQuantity } from '../../machinery/quantity.ts';
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
    if (found?.overhead === undefined ? spec?.overhead === undefined : isSameOverhead(spec?.overhead, found.overhead.podFixed)) return;
    throw rejected(write, found?.overhead === undefined ? 'Pod Overhead set without corresponding RuntimeClass defined Overhead' : "Pod's Overhead doesn't match RuntimeClass's defined Overhead");
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
  if (spec.overhead !== undefined && !isSameOverhead(spec.overhead, overhead.podFixed)) throw rejected(write, "Pod's Overhead doesn't match RuntimeClass's defined Overhead");
  spec.overhead = { ...overhead.podFixed };
}

type Overhead = Spec['overhead'];

/** As amounts: 250m is 0.25. */
function isSameOverhead(one: Overhead, other: Overhead): boolean {
  const amounts = (of: Overhead): object => Object.fromEntries(Object.entries(of ?? {}).map(([name, text]) => [name, parseQuantity(text)?.nanos]));
  return isDeepStrictEqual(amounts(one), amounts(other));
}

function setScheduling(write: Admitted, spec: Spec, { scheduling }: RuntimeClass): void {
  for (const [key, value] of Object.entries(scheduling?.nodeSelector ?? {})) {
    const own = spec.nodeSelector?.[key];
    if (own !== undefined && own !== value) throw refused(targetOf(write), `conflict: runtimeClass.scheduling.nodeSelector[${key}] = ${value}; pod.spec.nodeSelector[${key}] = ${own}`);
    spec.nodeSelector = { ...spec.nodeSelector, [key]: value };
  }
  if (scheduling?.tolerations !== undefined) spec.tolerations = merged([...spec.tolerations ?? [], ...scheduling.tolerations]).map((toleration) => ({ ...toleration }) as Draft<Toleration>);
}

const isEqual = (one: Toleration, other: Toleration): boolean => isDeepStrictEqual({ ...one }, { ...other });

/** Without those that another one includes; of equal ones the first stays. */
function merged(tolerations: readonly Toleration[]): readonly Toleration[] {
  return tolerations.reduce<readonly Toleration[]>((kept, toleration, index) => {
    const isIncluded = kept.some((other) => isEqual(other, toleration) || includes(other, toleration))
      || tolerations.slice(index + 1).some((other) => !isEqual(other, toleration) && includes(other, toleration));
    return isIncluded ? kept : [...kept, toleration];
  }, []);
}

/** Does `wide` tolerate all that `narrow` does? Source: "Taints and tolerations"; no operator is Equal, no key with Exists is every key, no effect is every effect. */
function includes(wide: Toleration, narrow: Toleration): boolean {
  const { key = '', operator = 'Equal', value = '', effect = '', tolerationSeconds } = wide;
  if ((narrow.key ?? '') !== key && (key !== '' || operator !== 'Exists')) return false;
  if ((narrow.effect ?? '') !== effect && effect !== '') return false;
  if (effect === 'NoExecute' && tolerationSeconds !== undefined && (narrow.tolerationSeconds ?? Infinity) > tolerationSeconds) return false;
  return operator === 'Exists' || (operator === 'Equal' && (narrow.operator ?? 'Equal') === 'Equal' && (narrow.value ?? '') === value);
}

function rejected(write: Admitted, why: string) {
  return refused(targetOf(write), `pod rejected: ${why}`);
}
