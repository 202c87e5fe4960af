import { Path, invalid, type FieldError } from '../../../machinery/field-path.ts';
import { notNegative } from '../checks.ts';

/** Counts that a controller reports must agree with each other. Source: Kubernetes' validation of status, apps/v1. */

interface Counts {
  readonly replicas?: number;
  readonly currentReplicas?: number;
  readonly updatedReplicas?: number;
  readonly fullyLabeledReplicas?: number;
  readonly readyReplicas?: number;
  readonly availableReplicas?: number;
  readonly unavailableReplicas?: number;
  readonly collisionCount?: number;
  readonly observedGeneration?: number;
}

const path = new Path('status');
const parts = ['currentReplicas', 'updatedReplicas', 'fullyLabeledReplicas', 'readyReplicas', 'availableReplicas'] as const;

/** `ready`: what messages call `readyReplicas`. */
export function validateCounts(status: Counts = {}, old: Counts = {}, ready = 'readyReplicas'): FieldError[] {
  const { replicas = 0, readyReplicas = 0, availableReplicas = 0 } = status;
  const errors = [...parts, 'replicas' as const, 'unavailableReplicas' as const, 'collisionCount' as const, 'observedGeneration' as const].flatMap((name) => notNegative(path.child(name), status[name]));
  for (const name of parts) if ((status[name] ?? 0) > replicas) errors.push(invalid(path.child(name), status[name], 'cannot be greater than status.replicas'));
  if (availableReplicas > readyReplicas) errors.push(invalid(path.child('availableReplicas'), availableReplicas, `cannot be greater than ${ready}`));
  for (const name of ['observedGeneration', 'collisionCount'] as const) {
    if ((status[name] ?? 0) < (old[name] ?? 0)) errors.push(invalid(path.child(name), status[name] ?? 0, 'cannot be decremented'));
  }
  return errors;
}
