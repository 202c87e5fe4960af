import type { KubernetesObject } from '../../machinery/kinds/kind.ts';
import type { Draft } from '../../machinery/kinds/wire.ts';
import type { User } from '../request.ts';
import type { Resource } from '../resources/define.ts';
import type { Caches } from '../store/cache.ts';

export type Operation = 'CREATE' | 'UPDATE' | 'DELETE';

/** What a plug-in sees of a write. */
export interface Admitted {
  readonly operation: Operation;
  readonly resource: Resource;
  readonly subresource: string;
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

/**
 * One admission plug-in: `mutate` runs before validation of the object, `validate` after. Both throw `ApiError` to refuse. What asks
 * nobody outside of the server answers at once, without a promise: most writes meet nothing else.
 */
export interface AdmissionPlugin {
  readonly name: string;
  readonly handles: (write: Admitted) => boolean;
  readonly mutate?: (write: Admitted, draft: Draft<KubernetesObject>) => void | Promise<void>;
  /** `object` is absent on DELETE. */
  readonly validate?: (write: Admitted, object: KubernetesObject | undefined) => void | Promise<void>;
}

export interface Admission {
  mutate(write: Admitted, draft: Draft<KubernetesObject>): void | Promise<void>;
  validate(write: Admitted, object: KubernetesObject | undefined): void | Promise<void>;
}

/** Runs the plug-ins in the order given. */
export function createAdmission(plugins: readonly AdmissionPlugin[]): Admission {
  const mutating = plugins.flatMap(({ handles, mutate }) => (mutate === undefined ? [] : [{ handles, run: mutate }]));
  const validating = plugins.flatMap(({ handles, validate }) => (validate === undefined ? [] : [{ handles, run: validate }]));
  return {
    mutate: (write, draft) => inOrder(mutating, write, draft, 0),
    validate: (write, object) => inOrder(validating, write, object, 0),
  };
}

interface Step<T> {
  readonly handles: (write: Admitted) => boolean;
  readonly run: (write: Admitted, object: T) => void | Promise<void>;
}

function inOrder<T>(steps: readonly Step<T>[], write: Admitted, object: T, from: number): void | Promise<void> {
  for (let i = from; i < steps.length; i++) {
    const step = steps[i];
    if (step === undefined || !step.handles(write)) continue;
    const waiting = step.run(write, object);
    if (waiting !== undefined) return waiting.then(() => inOrder(steps, write, object, i + 1));
  }
}
