import type { KubernetesObject } from '../../machinery/kinds/kind.ts';
import type { Draft } from '../../machinery/kinds/wire.ts';
import type { User } from '../request.ts';
import type { Resource } from '../resources/define.ts';
import type { Caches } from '../store/cache.ts';

/** CONNECT is a request for a stream or to what runs there: exec, attach, port-forward, proxy. */
export type Operation = 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT';

/** What a plug-in sees of a write. */
export interface Admitted {
  readonly operation: Operation;
  readonly resource: Resource;
  readonly subresource: string;
  /** What the written object is, where a subresource takes another kind than the resource's: Scale, Binding, PodExecOptions. */
  readonly written?: Resource;
  readonly namespace: string;
  readonly name: string;
  readonly user: User;
  /** Absent on CREATE. */
  readonly old: KubernetesObject | undefined;
  readonly caches: Caches;
  /** Everything but the write happens. */
  readonly dryRun: boolean;
  /** CreateOptions, UpdateOptions, PatchOptions or DeleteOptions, with their kind. */
  readonly options: Readonly<Record<string, unknown>> | undefined;
  /** Adds a `Warning` header. */
  readonly warn: (text: string) => void;
  /** Notes a finding for the audit log. */
  readonly annotate: (key: string, value: string) => void;
  /** Aborts when nobody waits for the write any more. */
  readonly signal: AbortSignal;
}

/** What a refusal names. */
export function targetOf({ resource, name }: Pick<Admitted, 'resource' | 'name'>): { readonly group: string; readonly resource: string; readonly name: string } {
  return { group: resource.group, resource: resource.plural, name };
}

/** What a plug-in that asks others says: did they change the object? Those that were asked before are then asked again, once. */
export type Mutated = void | 'changed';

/**
 * One admission plug-in: `mutate` runs before validation of the object, `validate` after. Both throw `ApiError` to refuse. What asks
 * nobody outside of the server answers at once, without a promise: most writes meet nothing else.
 */
export interface AdmissionPlugin {
  readonly name: string;
  readonly handles: (write: Admitted) => boolean;
  readonly mutate?: (write: Admitted, draft: Draft<KubernetesObject>) => Mutated | Promise<Mutated>;
  /** In place of `mutate` when the plug-in is asked about a write for the second time. */
  readonly mutateAgain?: (write: Admitted, draft: Draft<KubernetesObject>) => Mutated | Promise<Mutated>;
  /** `object` is absent on DELETE. */
  readonly validate?: (write: Admitted, object: KubernetesObject | undefined) => void | Promise<void>;
}

export interface Admission {
  mutate(write: Admitted, draft: Draft<KubernetesObject>): void | Promise<void>;
  validate(write: Admitted, object: KubernetesObject | undefined): void | Promise<void>;
}

/** Runs the plug-ins in the order given. */
export function createAdmission(plugins: readonly AdmissionPlugin[]): Admission {
  const first = plugins.flatMap(({ handles, mutate }) => (mutate === undefined ? [] : [{ handles, run: mutate }]));
  const again = plugins.flatMap(({ handles, mutate, mutateAgain = mutate }) => (mutateAgain === undefined ? [] : [{ handles, run: mutateAgain }]));
  const validating = plugins.flatMap(({ handles, validate }) => (validate === undefined ? [] : [{ handles, run: validate }]));
  const finish = (write: Admitted, draft: Draft<KubernetesObject>, mutated: Mutated): void | Promise<void> => {
    const waiting = mutated === 'changed' ? inOrder(again, write, draft) : undefined;
    return waiting instanceof Promise ? waiting.then(() => undefined) : undefined;
  };
  return {
    mutate(write, draft) {
      const mutated = inOrder(first, write, draft);
      return mutated instanceof Promise ? mutated.then((result) => finish(write, draft, result)) : finish(write, draft, mutated);
    },
    validate(write, object) {
      const waiting = inOrder(validating, write, object);
      return waiting instanceof Promise ? waiting.then(() => undefined) : undefined;
    },
  };
}

interface Step<T> {
  readonly handles: (write: Admitted) => boolean;
  readonly run: (write: Admitted, object: T) => Mutated | Promise<Mutated>;
}

function inOrder<T>(steps: readonly Step<T>[], write: Admitted, object: T, from = 0, before: Mutated = undefined): Mutated | Promise<Mutated> {
  let result = before;
  for (let i = from; i < steps.length; i++) {
    const step = steps[i];
    if (step === undefined || !step.handles(write)) continue;
    const mutated = step.run(write, object);
    if (mutated instanceof Promise) return mutated.then((later) => inOrder(steps, write, object, i + 1, later ?? result));
    result = mutated ?? result;
  }
  return result;
}
