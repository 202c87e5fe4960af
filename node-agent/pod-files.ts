import { hostname as ownHostname } from 'node:os';
import type { Pod } from '../machinery/kinds/core.ts';

/** The files that every container of a pod finds in /etc: texts only; the worker writes and mounts them. */

/** /etc/hosts. `hostFile` is the node's own, which pods on the host's network start from. Behaviour: "HostAliases". */
export function hostsFile(pod: Pod, address: string | undefined, hostname: string, hostFile: string): string {
  const own = pod.spec?.hostNetwork === true
    ? ['# Kubernetes-managed hosts file (host network).', hostFile.trimEnd()]
    : [
        '# Kubernetes-managed hosts file.', '127.0.0.1\tlocalhost', '::1\tlocalhost ip6-localhost ip6-loopback', 'fe00::0\tip6-localnet',
        'fe00::0\tip6-mcastprefix', 'fe00::1\tip6-allnodes', 'fe00::2\tip6-allrouters',
        ...(address === undefined ? [] : [`${address}\t${hostNames(pod, hostname)}`]),
      ];
  const aliases = pod.spec?.hostAliases ?? [];
  const extra = aliases.length === 0 ? [] : ['', '# Entries added by HostAliases.', ...aliases.map((alias) => `${alias.ip}\t${(alias.hostnames ?? []).join('\t')}`)];
  return `${[...own, ...extra].join('\n')}\n`;
}

function hostNames(pod: Pod, hostname: string): string {
  const { subdomain } = pod.spec ?? {};
  return subdomain === undefined || subdomain === '' ? hostname : `${fullName(pod, hostname)}\t${hostname}`;
}

function fullName({ metadata, spec }: Pod, hostname: string): string {
  return `${hostname}.${spec?.subdomain ?? ''}.${metadata?.namespace ?? ''}.svc.${clusterDomain}`;
}

const clusterDomain = 'cluster.local';
const longestHostname = 63;

/** The pod's host name: its own field, or its name cut to 63 characters. */
export function hostnameOf(pod: Pod): string {
  const { hostname, hostnameOverride } = pod.spec ?? {};
  const name = [hostnameOverride, hostname, pod.metadata?.name].find((each) => each !== undefined && each !== '') ?? 'localhost';
  return name.slice(0, longestHostname).replace(/[-.]+$/, '');
}

/** The longest name that the kernel takes for a machine. */
const longestKernelName = 64;

/**
 * What the kernel calls the machine that a pod is on: the node's own name on its network, else the pod's, in full with
 * `setHostnameAsFQDN`. Throws when that is too long. Behaviour: "Pod's setHostnameAsFQDN field".
 */
export function kernelNameOf(pod: Pod, nodeHostname = ownHostname()): string {
  const { hostNetwork, setHostnameAsFQDN, subdomain = '' } = pod.spec ?? {};
  if (hostNetwork === true) return nodeHostname;
  const name = hostnameOf(pod);
  if (setHostnameAsFQDN !== true || subdomain === '') return name;
  const full = fullName(pod, name);
  if (full.length > longestKernelName) throw new Error(`failed to construct FQDN from pod hostname and cluster domain, FQDN ${full} is too long (${longestKernelName} characters is the max, ${full.length} characters requested)`);
  return full;
}

export interface DnsFacts {
  /** Address of the cluster's DNS; absent while there is none. */
  readonly clusterDns: string | undefined;
  /** The node's own /etc/resolv.conf. */
  readonly hostFile: string;
}

interface Resolver {
  readonly nameservers: readonly string[];
  readonly searches: readonly string[];
  readonly options: readonly string[];
}

/** /etc/resolv.conf. Behaviour: "DNS for Services and Pods": policies Default, ClusterFirst, ClusterFirstWithHostNet, None. */
export function resolverFile(pod: Pod, dns: DnsFacts): string {
  const { dnsPolicy = 'ClusterFirst', dnsConfig, hostNetwork = false } = pod.spec ?? {};
  const wantsCluster = dnsPolicy === 'ClusterFirstWithHostNet' || (dnsPolicy === 'ClusterFirst' && !hostNetwork);
  const base = dnsPolicy === 'None' ? { nameservers: [], searches: [], options: [] } : wantsCluster ? clusterResolver(pod, dns) : parseResolver(dns.hostFile);
  const options = mergeOptions(base.options, (dnsConfig?.options ?? []).map(({ name, value }) => (value === undefined ? name ?? '' : `${name ?? ''}:${value}`)));
  const searches = [...new Set([...base.searches, ...(dnsConfig?.searches ?? [])])];
  return [
    ...(searches.length === 0 ? [] : [`search ${searches.join(' ')}`]),
    ...[...new Set([...base.nameservers, ...(dnsConfig?.nameservers ?? [])])].slice(0, 3).map((each) => `nameserver ${each}`),
    ...(options.length === 0 ? [] : [`options ${options.join(' ')}`]),
    '',
  ].join('\n');
}

function clusterResolver(pod: Pod, dns: DnsFacts): Resolver {
  const host = parseResolver(dns.hostFile);
  if (dns.clusterDns === undefined) return host;
  const searches = [`${pod.metadata?.namespace ?? ''}.svc.${clusterDomain}`, `svc.${clusterDomain}`, clusterDomain, ...host.searches];
  return { nameservers: [dns.clusterDns], searches, options: ['ndots:5'] };
}

function parseResolver(text: string): Resolver {
  const lines = text.split('\n').map((line) => line.trim().split(/\s+/));
  const after = (keyword: string): readonly (readonly string[])[] => lines.filter(([first]) => first === keyword).map(([, ...rest]) => rest);
  return { nameservers: after('nameserver').flatMap((rest) => rest[0] ?? []), searches: after('search').at(-1) ?? [], options: after('options').flat() };
}

/** A later option of the same name replaces an earlier one. */
function mergeOptions(base: readonly string[], more: readonly string[]): readonly string[] {
  const overridden = new Set(more.map(optionName));
  return [...base.filter((option) => !overridden.has(optionName(option))), ...more];
}

function optionName(option: string): string {
  return option.split(':')[0] ?? '';
}
