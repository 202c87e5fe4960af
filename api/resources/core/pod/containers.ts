import { duplicate, forbidden, invalid, required, type FieldError, type Path } from '../../../../machinery/field-path.ts';
import type { Container, PodSpec } from '../../../../machinery/kinds/core.ts';
import { dns1123Label } from '../../../../machinery/names.ts';
import { isSidecar } from '../../../../machinery/pod/requests.ts';
import { chosen, named } from '../../checks.ts';
import { validateEnv, validateEnvFrom } from './env.ts';
import { validateMounts, type Volumes } from './mounts.ts';
import { validateHostPorts, validatePorts } from './ports.ts';
import { validateLifecycle, validateLiveness, validateReadiness, validateStartup } from './probes.ts';
import { validateResources } from './resources.ts';
import { validateRestarts } from './restarts.ts';
import { validateSecurity } from './security.ts';

/** Containers and init containers. Source: "Container", Pod v1 core; "Init containers", "Sidecar containers". */

/** `isPod`: not a template, whose images may still be filled in. */
export interface Surroundings {
  readonly spec: PodSpec;
  readonly volumes: Volumes;
  /** Names of the pod's resource claims. */
  readonly claims: ReadonlySet<string>;
  readonly isPod: boolean;
}

export function validateContainers(around: Surroundings, path: Path): FieldError[] {
  const { containers = [] } = around.spec;
  if (containers.length === 0) return [required(path)];
  const names = new Set<string>();
  return [
    ...containers.flatMap((container, index) => {
      const at = path.index(index);
      const errors = validateContainer(container, around, at);
      if (names.has(container.name)) errors.push(duplicate(at.child('name'), container.name));
      names.add(container.name);
      errors.push(...validateRunning(container, around.spec, at), ...validateRestarts(container, at));
      return errors;
    }),
    ...validateHostPorts(containers, path),
  ];
}

export function validateInitContainers(around: Surroundings, path: Path): FieldError[] {
  const names = new Set((around.spec.containers ?? []).map((container) => container.name));
  return (around.spec.initContainers ?? []).flatMap((container, index) => {
    const at = path.index(index);
    const errors = [...validateContainer(container, around, at), ...validateRestarts(container, at)];
    if (names.has(container.name)) errors.push(duplicate(at.child('name'), container.name));
    names.add(container.name);
    errors.push(...validateHostPorts([container], path));
    if (isSidecar(container)) return [...errors, ...validateRunning(container, around.spec, at)];
    const misplaced = (['lifecycle', 'livenessProbe', 'readinessProbe', 'startupProbe'] as const).filter((field) => container[field] !== undefined);
    return [...errors, ...misplaced.map((field) => forbidden(at.child(field), 'may not be set for init containers without restartPolicy=Always'))];
  });
}

/** What only containers that stay have. */
function validateRunning(container: Container, spec: PodSpec, path: Path): FieldError[] {
  return [
    ...validateLifecycle(container.lifecycle, spec.terminationGracePeriodSeconds, path.child('lifecycle')),
    ...validateLiveness(container.livenessProbe, path.child('livenessProbe')),
    ...validateReadiness(container.readinessProbe, path.child('readinessProbe')),
    ...validateStartup(container.startupProbe, path.child('startupProbe')),
  ];
}

export function validateContainer(container: Container, { spec, volumes, claims, isPod }: Surroundings, path: Path): FieldError[] {
  return [
    ...named(path.child('name'), container.name, dns1123Label),
    ...validateImage(container.image ?? '', isPod, path.child('image')),
    ...chosen(path.child('terminationMessagePolicy'), container.terminationMessagePolicy, ['File', 'FallbackToLogsOnError']),
    ...validatePorts(container.ports ?? [], path.child('ports')),
    ...validateEnv(container.env ?? [], volumes, path.child('env')),
    ...validateEnvFrom(container.envFrom ?? [], path.child('envFrom')),
    ...validateMounts(container, volumes, path.child('volumeMounts')),
    ...chosen(path.child('imagePullPolicy'), container.imagePullPolicy, ['Always', 'IfNotPresent', 'Never']),
    ...validateResources(container.resources, claims, path.child('resources')),
    ...validateSecurity(container.securityContext, spec.hostUsers !== false, path.child('securityContext')),
  ];
}

function validateImage(image: string, isPod: boolean, path: Path): FieldError[] {
  if (image === '') return [required(path)];
  return isPod && image.trim() !== image ? [invalid(path, image, 'must not have leading or trailing whitespace')] : [];
}
