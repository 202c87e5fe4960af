import type { Container, Probe } from '../../../machinery/kinds/core.ts';
import { containersOf, containersText, distinct, namesOf, plural, quoted, settersText, unlessUserNamespace, type Check, type Rule, type Subject, type Violation } from './check.ts';
import { appArmor, seccompAnnotations, seccompType } from './profiles.ts';

/** What nobody needs who isn't part of the node. Source: "Pod Security Standards", Baseline; wording: the PodSecurity plug-in of kube-apiserver. */

const defaultCapabilities: ReadonlySet<string> = new Set([
  'AUDIT_WRITE', 'CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'FSETID', 'KILL', 'MKNOD', 'NET_BIND_SERVICE', 'SETFCAP', 'SETGID', 'SETPCAP', 'SETUID', 'SYS_CHROOT',
]);

const added = ({ securityContext }: Container): string[] => (securityContext?.capabilities?.add ?? []).filter((one) => !defaultCapabilities.has(one));

const capabilities: Rule = (subject) => {
  const names = namesOf(subject, (container) => added(container).length > 0);
  if (names.length === 0) return undefined;
  const all = distinct(containersOf(subject.spec).flatMap(added));
  return { reason: 'non-default capabilities', detail: `${containersText(names)} must not include ${quoted(all)} in securityContext.capabilities.add` };
};

const hostNamespaces: Rule = ({ spec }) => {
  const shared = (['hostNetwork', 'hostPID', 'hostIPC'] as const).filter((field) => spec[field] === true).map((field) => `${field}=true`);
  return shared.length === 0 ? undefined : { reason: 'host namespaces', detail: shared.join(', ') };
};

const hostPaths: Rule = ({ spec }) => {
  const names = (spec.volumes ?? []).filter(({ hostPath }) => hostPath !== undefined).map(({ name }) => name);
  return names.length === 0 ? undefined : { reason: 'hostPath volumes', detail: `${plural('volume', names.length)} ${quoted(names)}` };
};

const taken = ({ ports = [] }: Container): string[] => ports.flatMap(({ hostPort = 0 }) => (hostPort === 0 ? [] : [String(hostPort)]));

const hostPorts: Rule = (subject) => {
  const names = namesOf(subject, (container) => taken(container).length > 0);
  if (names.length === 0) return undefined;
  const all = distinct(containersOf(subject.spec).flatMap(taken));
  return { reason: 'hostPort', detail: `${containersText(names)} ${names.length === 1 ? 'uses' : 'use'} ${plural('hostPort', all.length)} ${all.join(', ')}` };
};

type Handler = Pick<Probe, 'httpGet' | 'tcpSocket'> | undefined;

const hostsOf = (handler: Handler): string[] => [handler?.httpGet?.host ?? '', handler?.tcpSocket?.host ?? ''].filter((host) => host !== '');
const hosts = ({ livenessProbe, readinessProbe, startupProbe, lifecycle }: Container): string[] =>
  [livenessProbe, readinessProbe, startupProbe, lifecycle?.postStart, lifecycle?.preStop].flatMap(hostsOf);

const probedHosts: Rule = (subject) => {
  const names = distinct(namesOf(subject, (container) => hosts(container).length > 0));
  if (names.length === 0) return undefined;
  const all = distinct(containersOf(subject.spec).flatMap(hosts));
  return { reason: 'probe or lifecycle host', detail: `${containersText(names)} ${names.length === 1 ? 'uses' : 'use'} ${plural('probe or lifecycle host', all.length)} ${quoted(all)}` };
};

const privileged: Rule = (subject) => {
  const names = namesOf(subject, ({ securityContext }) => securityContext?.privileged === true);
  return names.length === 0 ? undefined : { reason: 'privileged', detail: `${containersText(names)} must not set securityContext.privileged=true` };
};

const procMountOf = ({ securityContext }: Container): string => securityContext?.procMount ?? 'Default';

export const procMount: Rule = (subject) => {
  const names = namesOf(subject, (container) => procMountOf(container) !== 'Default');
  if (names.length === 0) return undefined;
  return { reason: 'procMount', detail: `${containersText(names)} must not set securityContext.procMount to ${quoted(distinct(containersOf(subject.spec).map(procMountOf).filter((one) => one !== 'Default')))}` };
};

type SeLinux = NonNullable<NonNullable<Container['securityContext']>['seLinuxOptions']>;

const seLinux = (...allowed: readonly string[]): Rule => {
  const faulty = ({ type = '', user = '', role = '' }: SeLinux = {}): boolean => !['', ...allowed].includes(type) || user !== '' || role !== '';
  return (subject) => seLinuxViolation(subject, allowed, faulty);
};

function seLinuxViolation(subject: Subject, allowed: readonly string[], faulty: (options: SeLinux | undefined) => boolean): Violation | undefined {
  const pod = subject.spec.securityContext?.seLinuxOptions;
  const setters = settersText(faulty(pod), namesOf(subject, ({ securityContext }) => faulty(securityContext?.seLinuxOptions)));
  if (setters === undefined) return undefined;
  const all = [pod, ...containersOf(subject.spec).map(({ securityContext }) => securityContext?.seLinuxOptions)].filter((one) => one !== undefined);
  const types = distinct(all.map(({ type = '' }) => type).filter((type) => !['', ...allowed].includes(type)));
  const told = [
    ...(types.length === 0 ? [] : [`${plural('type', types.length)} ${quoted(types)}`]),
    ...(all.some(({ user = '' }) => user !== '') ? ['user may not be set'] : []),
    ...(all.some(({ role = '' }) => role !== '') ? ['role may not be set'] : []),
  ];
  return { reason: 'seLinuxOptions', detail: `${setters} set forbidden securityContext.seLinuxOptions: ${told.join('; ')}` };
}

const seLinuxTypes = ['container_t', 'container_init_t', 'container_kvm_t'];

const sysctls = (...allowed: readonly string[]): Rule => ({ spec }) => {
  const names = (spec.securityContext?.sysctls ?? []).map(({ name }) => name).filter((name) => !allowed.includes(name));
  return names.length === 0 ? undefined : { reason: 'forbidden sysctls', detail: names.join(', ') };
};

const sysctls0 = ['kernel.shm_rmid_forced', 'net.ipv4.ip_local_port_range', 'net.ipv4.tcp_syncookies', 'net.ipv4.ping_group_range', 'net.ipv4.ip_unprivileged_port_start'];
const sysctls27 = [...sysctls0, 'net.ipv4.ip_local_reserved_ports'];
const sysctls29 = [...sysctls27, 'net.ipv4.tcp_keepalive_time', 'net.ipv4.tcp_fin_timeout', 'net.ipv4.tcp_keepalive_intvl', 'net.ipv4.tcp_keepalive_probes'];
const sysctls32 = [...sysctls29, 'net.ipv4.tcp_rmem', 'net.ipv4.tcp_wmem'];

const hostProcess: Rule = (subject) => {
  const setters = settersText(subject.spec.securityContext?.windowsOptions?.hostProcess === true, namesOf(subject, ({ securityContext }) => securityContext?.windowsOptions?.hostProcess === true));
  return setters === undefined ? undefined : { reason: 'hostProcess', detail: `${setters} must not set securityContext.windowsOptions.hostProcess=true` };
};

/** By id, the order in which they are told. */
export const baseline: readonly Check[] = [
  { id: 'appArmorProfile', level: 'baseline', versions: [{ since: 0, rule: appArmor }] },
  { id: 'capabilities_baseline', level: 'baseline', versions: [{ since: 0, rule: capabilities }] },
  { id: 'hostNamespaces', level: 'baseline', versions: [{ since: 0, rule: hostNamespaces }] },
  { id: 'hostPathVolumes', level: 'baseline', versions: [{ since: 0, rule: hostPaths }] },
  { id: 'hostPorts', level: 'baseline', versions: [{ since: 0, rule: hostPorts }] },
  { id: 'hostProbesAndHostLifecycle', level: 'baseline', versions: [{ since: 34, rule: probedHosts }] },
  { id: 'privileged', level: 'baseline', versions: [{ since: 0, rule: privileged }] },
  { id: 'procMount', level: 'baseline', versions: [{ since: 0, rule: procMount }, { since: 35, rule: unlessUserNamespace(procMount) }] },
  { id: 'seLinuxOptions', level: 'baseline', versions: [{ since: 0, rule: seLinux(...seLinuxTypes) }, { since: 31, rule: seLinux(...seLinuxTypes, 'container_engine_t') }] },
  { id: 'seccompProfile_baseline', level: 'baseline', versions: [{ since: 0, rule: seccompAnnotations }, { since: 19, rule: seccompType }] },
  { id: 'sysctls', level: 'baseline', versions: [{ since: 0, rule: sysctls(...sysctls0) }, { since: 27, rule: sysctls(...sysctls27) }, { since: 29, rule: sysctls(...sysctls29) }, { since: 32, rule: sysctls(...sysctls32) }] },
  { id: 'windowsHostProcess', level: 'baseline', versions: [{ since: 0, rule: hostProcess }] },
];
