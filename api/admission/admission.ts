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
}

/** One admission plug-in: `mutate` runs before validation of the object, `validate` after. Both throw `ApiError` to refuse. */
export interface AdmissionPlugin {
  readonly name: string;
  readonly handles: (write: Admitted) => boolean;
  readonly mutate?: (write: Admitted, draft: Draft<KubernetesObject>) => void;
  /** `object` is absent on DELETE. */
  readonly validate?: (write: Admitted, object: KubernetesObject | undefined) => void;
}

export interface Admission {
  mutate(write: Admitted, draft: Draft<KubernetesObject>): void;
  validate(write: Admitted, object: KubernetesObject | undefined): void;
}

/** Runs the plug-ins in the order given. */
export function createAdmission(plugins: readonly AdmissionPlugin[]): Admission {
  return {
    mutate(write, draft) {
      for (const plugin of plugins) if (plugin.mutate !== undefined && plugin.handles(write)) plugin.mutate(write, draft);
    },
    validate(write, object) {
      for (const plugin of plugins) if (plugin.validate !== undefined && plugin.handles(write)) plugin.validate(write, object);
    },
  };
}
