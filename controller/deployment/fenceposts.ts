import type { Deployment } from '../../machinery/kinds/apps.ts';
import { resolve } from '../int-or-percent.ts';

/** How far a rolling update may stray from the wished number of pods. Source: "Deployments", max surge and max unavailable. */

export interface Fenceposts {
  /** Pods beyond the wish. */
  readonly maxSurge: number;
  /** Pods short of the wish. */
  readonly maxUnavailable: number;
}

export function desiredReplicas(deployment: Deployment): number {
  return deployment.spec?.replicas ?? 1;
}

export function isRolling(deployment: Deployment): boolean {
  return (deployment.spec?.strategy?.type ?? 'RollingUpdate') === 'RollingUpdate';
}

/** Surge rounds up, unavailability down; if both come to 0, one pod may be unavailable, or nothing could ever move. */
export function fenceposts(deployment: Deployment): Fenceposts {
  if (!isRolling(deployment)) return { maxSurge: 0, maxUnavailable: 0 };
  const replicas = desiredReplicas(deployment);
  const { maxSurge: surge = '25%', maxUnavailable: unavailable = '25%' } = deployment.spec?.strategy?.rollingUpdate ?? {};
  const maxSurge = resolve(surge, replicas, Math.ceil);
  const resolved = resolve(unavailable, replicas, Math.floor);
  const maxUnavailable = maxSurge === 0 && resolved === 0 ? 1 : resolved;
  return { maxSurge, maxUnavailable: Math.min(maxUnavailable, replicas) };
}
