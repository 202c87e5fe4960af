import type { Resource } from '../resources/define.ts';
import type { AdmissionPlugin } from './admission.ts';
import type { AdmissionMetrics } from './metrics.ts';
import { mutatingPolicies, type MutatingDependencies } from './policy/mutating-policies.ts';
import { paramAccess } from './policy/param-access.ts';
import { resourceOfKind } from './policy/params.ts';
import { validatingPolicies } from './policy/validating-policies.ts';
import type { Asking } from './webhooks/ask.ts';
import { mutatingWebhooks } from './webhooks/mutating-webhooks.ts';
import { validatingWebhooks } from './webhooks/validating-webhooks.ts';

export interface ConfiguredAdmissionOptions extends Omit<MutatingDependencies, 'resourceOfKind' | 'metrics'>, Omit<Asking, 'metrics'> {
  readonly metrics: AdmissionMetrics;
  /** What is served. */
  readonly resources: () => readonly Resource[];
}

/** The plug-ins that objects of the cluster configure, in Kubernetes' order. */
export interface ConfiguredAdmission {
  readonly plugins: readonly AdmissionPlugin[];
  close(): void;
}

/** Starts following the objects that configure admission; `close()` ends it. */
export function createConfiguredAdmission({ resources, ...deps }: ConfiguredAdmissionOptions): ConfiguredAdmission {
  const all = { ...deps, resourceOfKind: resourceOfKind(resources) };
  const plugins = [mutatingPolicies(all), mutatingWebhooks(all), validatingPolicies(all), validatingWebhooks(all)];
  return {
    plugins: [...plugins, paramAccess(all)],
    close() {
      for (const plugin of plugins) plugin.close();
    },
  };
}
