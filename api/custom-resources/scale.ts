import type { DefinitionScale } from '../../machinery/kinds/apiextensions.ts';
import type { KubernetesObject } from '../../machinery/kinds/kind.ts';
import type { ScalePaths } from '../resources/define.ts';
import { define } from '../schema/walk/scalars.ts';
import { isObject } from './schema/structural.ts';

/** `/scale` of a custom resource: three plain paths. Source: "Scale subresource", CustomResourceDefinitions. */
export function scalePathsOf({ specReplicasPath, statusReplicasPath, labelSelectorPath }: DefinitionScale): ScalePaths<KubernetesObject> {
  const [spec, status, selector] = [stepsOf(specReplicasPath), stepsOf(statusReplicasPath), stepsOf(labelSelectorPath ?? '')];
  return {
    replicas: (object) => numberAt(object, spec),
    statusReplicas: (object) => numberAt(object, status),
    selector(object) {
      const found = selector.length === 0 ? undefined : valueAt(object, selector);
      return typeof found === 'string' ? found : '';
    },
    setReplicas: (draft, replicas) => { setAt(draft, spec, replicas); },
    replicasPath: spec,
  };
}

/** `.spec.replicas` → its fields. */
export function stepsOf(path: string): readonly string[] {
  return path.split('.').filter((step) => step !== '');
}

export function valueAt(object: unknown, steps: readonly string[]): unknown {
  return steps.reduce<unknown>((value, step) => (isObject(value) && Object.hasOwn(value, step) ? value[step] : undefined), object);
}

function numberAt(object: unknown, steps: readonly string[]): number {
  const found = valueAt(object, steps);
  return typeof found === 'number' ? found : 0;
}

function setAt(object: object, steps: readonly string[], value: unknown): void {
  let at = object as Record<string, unknown>;
  for (const step of steps.slice(0, -1)) {
    const next = at[step];
    if (!isObject(next)) define(at, step, {});
    at = at[step] as Record<string, unknown>;
  }
  const last = steps.at(-1);
  if (last !== undefined) define(at, last, value);
}
