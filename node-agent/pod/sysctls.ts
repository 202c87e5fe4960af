import type { Pod } from '../../machinery/kinds/core.ts';

/** Kubernetes' safe set ("Using sysctls in a Kubernetes Cluster"): namespaced, and of no consequence to other pods; by their namespace. */
const safe: ReadonlyMap<string, 'ipc' | 'net'> = new Map([
  ['kernel.shm_rmid_forced', 'ipc'], ['net.ipv4.ip_local_port_range', 'net'], ['net.ipv4.tcp_syncookies', 'net'], ['net.ipv4.ping_group_range', 'net'],
  ['net.ipv4.ip_unprivileged_port_start', 'net'], ['net.ipv4.ip_local_reserved_ports', 'net'], ['net.ipv4.tcp_keepalive_time', 'net'], ['net.ipv4.tcp_fin_timeout', 'net'],
  ['net.ipv4.tcp_keepalive_intvl', 'net'], ['net.ipv4.tcp_keepalive_probes', 'net'], ['net.ipv4.tcp_rmem', 'net'], ['net.ipv4.tcp_wmem', 'net'],
]);

/** Why a pod may not have the sysctls that it asks for, in the kubelet's words; undefined: it may. Pure. */
export function forbiddenSysctl({ spec }: Pod): string | undefined {
  for (const { name } of spec?.securityContext?.sysctls ?? []) {
    const dotted = dottedName(name);
    const namespace = safe.get(dotted);
    if (namespace === undefined) return `forbidden sysctl: ${JSON.stringify(dotted)} not allowlisted`;
    const isHosts = namespace === 'net' ? spec?.hostNetwork === true : spec?.hostIPC === true;
    if (isHosts) return `forbidden sysctl: ${JSON.stringify(dotted)} not allowed with host ${namespace} enabled`;
  }
  return undefined;
}

/** A sysctl as the runtime takes it. A name whose first separator is a slash has its dots and slashes the other way round (sysctl.d(5)). */
export function dottedName(name: string): string {
  if (/[./]/.exec(name)?.[0] !== '/') return name;
  return name.replace(/[./]/g, (separator) => (separator === '/' ? '.' : '/'));
}
