import type { V1AppArmorProfile, V1SeccompProfile } from '@kubernetes/client-node';
import { duplicate, forbidden, invalid, notSupported, required, type FieldError, type Path } from '../../../../machinery/field-path.ts';
import type { PodSpec, SecurityContext } from '../../../../machinery/kinds/core.ts';
import type { Wire } from '../../../../machinery/kinds/wire.ts';
import { inRange } from '../../../../machinery/names.ts';
import { faults, oneOf } from '../../checks.ts';
import { descending } from './paths.ts';

/** Source: "Configure a security context for a pod or container", "Sysctls", "User namespaces". */

type PodContext = NonNullable<PodSpec['securityContext']>;
type Sysctl = NonNullable<PodContext['sysctls']>[number];

const largestId = 0xffff_ffff;
const profileTypes = ['Localhost', 'RuntimeDefault', 'Unconfined'] as const;
const longestSysctl = 253;
const sysctlName = /^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$/;
const sysctlPattern = String.raw`^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$`;

function validateId(id: number | undefined, path: Path): FieldError[] {
  return id === undefined ? [] : faults(path, id, inRange(id, 0, largestId));
}

/** `path` is the spec's. */
export function validatePodSecurity(spec: PodSpec, path: Path): FieldError[] {
  const context = spec.securityContext;
  if (context === undefined) return validateHostUsers(spec, path);
  const at = path.child('securityContext');
  const shared = spec.shareProcessNamespace === true && spec.hostPID === true;
  return [
    ...validateId(context.fsGroup, at.child('fsGroup')),
    ...validateId(context.runAsUser, at.child('runAsUser')),
    ...validateId(context.runAsGroup, at.child('runAsGroup')),
    ...(context.supplementalGroups ?? []).flatMap((group, index) => validateId(group, at.child('supplementalGroups').index(index))),
    ...(shared ? [invalid(at.child('shareProcessNamespace'), true, 'ShareProcessNamespace and HostPID cannot both be enabled')] : []),
    ...validateSysctls(context.sysctls ?? [], spec, at.child('sysctls')),
    ...oneOf(at.child('fsGroupChangePolicy'), context.fsGroupChangePolicy, ['Always', 'OnRootMismatch']),
    ...validateSeccomp(context.seccompProfile, at.child('seccompProfile')),
    ...validateAppArmor(context.appArmorProfile, at.child('appArmorProfile')),
    ...oneOf(at.child('supplementalGroupsPolicy'), context.supplementalGroupsPolicy, ['Merge', 'Strict']),
    ...oneOf(at.child('seLinuxChangePolicy'), context.seLinuxChangePolicy, ['MountOption', 'Recursive']),
    ...validateHostUsers(spec, path),
  ];
}

function validateSysctls(sysctls: readonly Sysctl[], spec: PodSpec, path: Path): FieldError[] {
  const seen = new Set<string>();
  return sysctls.flatMap(({ name = '' }, index) => {
    const at = path.index(index).child('name');
    const errors: FieldError[] = [];
    if (name === '') errors.push(required(at));
    else if (name.length > longestSysctl || !sysctlName.test(name)) errors.push(invalid(at, name, `must have at most ${longestSysctl} characters and match regex ${sysctlPattern}`));
    else if (seen.has(name)) errors.push(duplicate(at, name));
    seen.add(name);
    const dotted = name.replaceAll('/', '.');
    if (spec.hostNetwork === true && dotted.startsWith('net.')) errors.push(invalid(at, name, "may not be specified when 'hostNetwork' is true"));
    else if (spec.hostIPC === true && /^(kernel\.(shm|msg|sem)|fs\.mqueue\.)/.test(dotted)) errors.push(invalid(at, name, "may not be specified when 'hostIPC' is true"));
    return errors;
  });
}

/** A user namespace of the pod's own excludes the host's other namespaces, and devices, which know nothing of it. */
function validateHostUsers(spec: PodSpec, path: Path): FieldError[] {
  if (spec.hostUsers !== false) return [];
  const why = 'when `hostUsers` is false';
  return [
    ...(spec.hostNetwork === true ? [forbidden(path.child('hostNetwork'), why)] : []),
    ...(spec.hostPID === true ? [forbidden(path.child('HostPID'), why)] : []),
    ...(spec.hostIPC === true ? [forbidden(path.child('HostIPC'), why)] : []),
    ...(['initContainers', 'containers'] as const).flatMap((list) => (spec[list] ?? []).flatMap(({ volumeDevices = [] }, index) =>
      (volumeDevices.length === 0 ? [] : [forbidden(path.child(list).index(index).child('volumeDevices'), why)]))),
  ];
}

function validateSeccomp(profile: Wire<V1SeccompProfile> | undefined, path: Path): FieldError[] {
  if (profile === undefined) return [];
  const { type = '', localhostProfile } = profile;
  const errors: FieldError[] = [];
  if (type === '') errors.push(required(path.child('type'), 'type is required when seccompProfile is set'));
  else errors.push(...oneOf(path.child('type'), type, profileTypes));
  if (type !== 'Localhost') {
    return localhostProfile === undefined ? errors : [...errors, invalid(path.child('localhostProfile'), profile, 'can only be set when seccomp type is Localhost')];
  }
  if (localhostProfile === undefined) return [...errors, required(path.child('localhostProfile'), 'must be set when seccomp type is Localhost')];
  return [...errors, ...descending(path.child('localhostProfile'), localhostProfile)];
}

function validateAppArmor(profile: Wire<V1AppArmorProfile> | undefined, path: Path): FieldError[] {
  if (profile === undefined) return [];
  const { type = '', localhostProfile } = profile;
  if (type === '') return [required(path.child('type'), 'type is required when appArmorProfile is set')];
  if (type === 'Localhost') {
    const at = path.child('localhostProfile');
    if (localhostProfile === undefined || localhostProfile === '') return [required(at, 'must be set when AppArmor type is Localhost')];
    return localhostProfile.trim() === localhostProfile ? [] : [invalid(at, localhostProfile, 'must not be padded with whitespace')];
  }
  if (!profileTypes.some((one) => one === type)) return [notSupported(path.child('type'), type, profileTypes)];
  return localhostProfile === undefined ? [] : [invalid(path.child('localhostProfile'), localhostProfile, 'can only be set when AppArmor type is Localhost')];
}

/** Of one container. `hostUsers`: has the pod the host's user namespace? */
export function validateSecurity(context: SecurityContext | undefined, hostUsers: boolean, path: Path): FieldError[] {
  if (context === undefined) return [];
  const errors = [
    ...validateId(context.runAsUser, path.child('runAsUser')),
    ...validateId(context.runAsGroup, path.child('runAsGroup')),
    ...oneOf(path.child('procMount'), context.procMount, ['Default', 'Unmasked']),
    ...(context.procMount === 'Unmasked' && hostUsers ? [invalid(path.child('procMount'), context.procMount, '`hostUsers` must be false to use `Unmasked`')] : []),
    ...validateSeccomp(context.seccompProfile, path.child('seccompProfile')),
  ];
  if (context.allowPrivilegeEscalation === false) {
    if (context.privileged === true) errors.push(invalid(path, context, 'cannot set `allowPrivilegeEscalation` to false and `privileged` to true'));
    if ((context.capabilities?.add ?? []).some((capability) => capability === 'CAP_SYS_ADMIN')) {
      errors.push(invalid(path, context, 'cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN'));
    }
  }
  return [...errors, ...validateAppArmor(context.appArmorProfile, path.child('appArmorProfile'))];
}
