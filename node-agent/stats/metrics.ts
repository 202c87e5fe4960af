import { availableParallelism } from 'node:os';
import { parseQuantity, toMillis } from '../../machinery/quantity.ts';
import { containersOf } from '../pod/state.ts';
import type { PodWorker } from '../pod/worker.ts';
import type { Metric, Sample } from './exposition.ts';
import type { InterfaceReading } from './machine.ts';
import type { ContainerReading, PodReading, Reading } from './meter.ts';
import type { PodStorage } from './storage.ts';

/** The kubelet's metrics of resources, by the names that dashboards, rules and autoscalers know. Pure. */

const seconds = (nanos: number): number => nanos / 1e9;

/** `/metrics/resource`. Source: "Node metrics data", "Kubernetes Metrics Reference". */
export function resourceMetrics({ machine, cpu, pods }: Reading): readonly Metric[] {
  const node = (value: number): Sample[] => [{ labels: {}, value, at: machine.at }];
  const ofPods = (value: (pod: PodReading) => number): Sample[] => pods.map((pod) => ({ labels: podLabels(pod), value: value(pod), at: pod.cpu.at }));
  const ofContainers = (value: (container: ContainerReading) => number): Sample[] => pods.flatMap((pod) =>
    pod.containers.map((container) => ({ labels: { container: container.name, ...podLabels(pod) }, value: value(container), at: container.cpu.at })));
  return [
    { name: 'container_cpu_usage_seconds_total', type: 'counter', help: 'Cumulative cpu time consumed by the container in core-seconds', samples: ofContainers(({ usage }) => seconds(usage.cpuNanos)) },
    { name: 'container_memory_working_set_bytes', type: 'gauge', help: 'Current working set of the container in bytes', samples: ofContainers(({ usage }) => usage.memoryBytes) },
    { name: 'container_start_time_seconds', type: 'gauge', help: 'Start time of the container since unix epoch in seconds', samples: ofContainers(({ startedAt }) => startedAt / 1000) },
    { name: 'container_swap_usage_bytes', type: 'gauge', help: 'Current amount of the container swap usage in bytes', samples: ofContainers(({ usage }) => usage.swapBytes) },
    { name: 'node_cpu_usage_seconds_total', type: 'counter', help: 'Cumulative cpu time consumed by the node in core-seconds', samples: node(seconds(cpu.nanos)) },
    { name: 'node_memory_working_set_bytes', type: 'gauge', help: 'Current working set of the node in bytes', samples: node(machine.memory.workingSetBytes) },
    { name: 'node_swap_usage_bytes', type: 'gauge', help: 'Current swap usage of the node in bytes', samples: node(machine.memory.swapBytes) },
    { name: 'pod_cpu_usage_seconds_total', type: 'counter', help: 'Cumulative cpu time consumed by the pod in core-seconds', samples: ofPods(({ usage }) => seconds(usage.cpuNanos)) },
    { name: 'pod_memory_working_set_bytes', type: 'gauge', help: 'Current working set of the pod in bytes', samples: ofPods(({ usage }) => usage.memoryBytes) },
    { name: 'pod_swap_usage_bytes', type: 'gauge', help: 'Current amount of the pod swap usage in bytes', samples: ofPods(({ usage }) => usage.swapBytes) },
    { name: 'resource_scrape_error', type: 'gauge', help: '1 if there was an error while getting container metrics, 0 otherwise', samples: [{ labels: {}, value: 0 }] },
  ];
}

const probeTypes = { startup: 'Startup', liveness: 'Liveness', readiness: 'Readiness' } as const;

/** `/metrics/probes`. Source: "Kubernetes Metrics Reference". */
export function probeMetrics(workers: readonly PodWorker[]): readonly Metric[] {
  const samples = workers.flatMap((worker) => {
    const { namespace = '', name = '' } = worker.pod().metadata ?? {};
    return worker.probeCounts().map(({ container, kind, result, count }): Sample => ({
      labels: { container, namespace, pod: name, pod_uid: worker.uid, probe_type: probeTypes[kind], result }, value: count,
    }));
  });
  return [counter('prober_probe_total', 'Cumulative number of a liveness, readiness or startup probe for a container by result.', samples)];
}

function podLabels({ worker }: PodReading): { readonly namespace: string; readonly pod: string } {
  const { namespace = '', name = '' } = worker.pod().metadata ?? {};
  return { namespace, pod: name };
}

/** One thing that is counted: the machine (`/`), a pod or a container. */
interface Counted {
  readonly labels: Readonly<Record<string, string>>;
  readonly usage: ContainerReading['usage'] | undefined;
  readonly at: number;
  readonly cpuNanos: number;
}

/** `/metrics/cadvisor`: `storage` by uid. Source: cAdvisor, "Monitoring cAdvisor with Prometheus", with the kubelet's labels. */
export function cadvisorMetrics({ machine, cpu, pods }: Reading, storage: ReadonlyMap<string, PodStorage>): readonly Metric[] {
  const root: Counted = { labels: { container: '', id: '/', image: '', name: '', namespace: '', pod: '' }, usage: undefined, at: machine.at, cpuNanos: cpu.nanos };
  const all = [root, ...pods.flatMap((pod) => [countedPod(pod), ...pod.containers.map((container) => countedContainer(pod, container))])];
  const each = (value: (usage: ContainerReading['usage']) => number | undefined, ofRoot?: number): Sample[] => all.flatMap(({ labels, usage, at }) => {
    const found = usage === undefined ? ofRoot : value(usage);
    return found === undefined ? [] : [{ labels, value: found, at }];
  });
  const { memory } = machine;
  return [
    counter('container_cpu_usage_seconds_total', 'Cumulative cpu time consumed in seconds.', all.map(({ labels, at, cpuNanos }) => ({ labels: { ...labels, cpu: 'total' }, value: seconds(cpuNanos), at }))),
    gauge('container_memory_usage_bytes', 'Current memory usage in bytes, including all memory regardless of when it was accessed', each((usage) => usage.memoryUsageBytes, memory.usageBytes)),
    gauge('container_memory_working_set_bytes', 'Current working set in bytes.', each((usage) => usage.memoryBytes, memory.workingSetBytes)),
    gauge('container_memory_rss', 'Size of RSS in bytes.', each((usage) => usage.rssBytes, memory.rssBytes)),
    gauge('container_memory_cache', 'Number of bytes of page cache memory.', each((usage) => usage.cacheBytes)),
    gauge('container_memory_swap', 'Container swap usage in bytes.', each((usage) => usage.swapBytes, memory.swapBytes)),
    counter('container_memory_failures_total', 'Cumulative count of memory allocation failures.', [...faults('pgfault', each((usage) => usage.pageFaults)), ...faults('pgmajfault', each((usage) => usage.majorPageFaults))]),
    gauge('container_processes', 'Number of processes running inside the container.', each((usage) => usage.pids)),
    gauge('container_spec_memory_limit_bytes', 'Memory limit for the container.', each((usage) => usage.memoryLimitBytes ?? 0, memory.totalBytes)),
    gauge('container_last_seen', 'Last time a container was seen by the exporter', all.map(({ labels, at }) => ({ labels, value: Math.floor(at / 1000), at }))),
    gauge('container_start_time_seconds', 'Start time of the container since unix epoch in seconds.', pods.flatMap((pod) => pod.containers.map((container) => ({ labels: containerLabels(pod, container), value: container.startedAt / 1000, at: container.cpu.at })))),
    ...throttling(each),
    ...processorSpecs(pods),
    ...disks(pods, storage),
    ...networks(machine.interfaces, root.labels, pods),
    gauge('machine_cpu_cores', 'Number of logical CPU cores.', [{ labels: {}, value: availableParallelism() }]),
    gauge('machine_memory_bytes', 'Amount of memory installed on the machine.', [{ labels: {}, value: memory.totalBytes }]),
  ];
}

function gauge(name: string, help: string, samples: readonly Sample[]): Metric {
  return { name, help, type: 'gauge', samples };
}

function counter(name: string, help: string, samples: readonly Sample[]): Metric {
  return { name, help, type: 'counter', samples };
}

function faults(kind: string, samples: readonly Sample[]): readonly Sample[] {
  return samples.map((sample) => ({ ...sample, labels: { ...sample.labels, failure_type: kind, scope: 'hierarchy' } }));
}

function countedPod(pod: PodReading): Counted {
  return { labels: podSeries(pod), usage: pod.usage, at: pod.cpu.at, cpuNanos: pod.usage.cpuNanos };
}

function countedContainer(pod: PodReading, container: ContainerReading): Counted {
  return { labels: containerLabels(pod, container), usage: container.usage, at: container.cpu.at, cpuNanos: container.usage.cpuNanos };
}

/** The pod as a whole has no container's name, as in cAdvisor. */
function podSeries(pod: PodReading): Readonly<Record<string, string>> {
  return { container: '', id: `/pod${pod.worker.uid}`, image: '', name: '', ...podLabels(pod) };
}

function containerLabels(pod: PodReading, { name, id, image }: ContainerReading): Readonly<Record<string, string>> {
  return { container: name, id: `/pod${pod.worker.uid}/${id}`, image, name: id, ...podLabels(pod) };
}

/** Of cgroups that have a quota: how often it was used up, and what that cost. */
function throttling(each: (value: (usage: ContainerReading['usage']) => number | undefined) => readonly Sample[]): readonly Metric[] {
  const limited = (value: (usage: ContainerReading['usage']) => number): readonly Sample[] => each((usage) => (usage.cpuPeriods === 0 ? undefined : value(usage)));
  return [
    counter('container_cpu_cfs_periods_total', 'Number of elapsed enforcement period intervals.', limited(({ cpuPeriods }) => cpuPeriods)),
    counter('container_cpu_cfs_throttled_periods_total', 'Number of throttled period intervals.', limited(({ throttledPeriods }) => throttledPeriods)),
    counter('container_cpu_cfs_throttled_seconds_total', 'Total time duration the container has been throttled.', limited(({ throttledNanos }) => seconds(throttledNanos))),
  ];
}

/** The scheduler's period of cpu quotas, microseconds. */
const quotaPeriod = 100_000;

function processorSpecs(pods: readonly PodReading[]): readonly Metric[] {
  const limited = pods.flatMap((pod) => pod.containers.flatMap((container): Sample[] => {
    const spec = containersOf(pod.worker.granted()).find(({ spec: { name } }) => name === container.name)?.spec;
    const limit = parseQuantity(spec?.resources?.limits?.['cpu'] ?? '');
    return limit === undefined ? [] : [{ labels: containerLabels(pod, container), value: (toMillis(limit) * quotaPeriod) / 1000, at: container.cpu.at }];
  }));
  return [
    { name: 'container_spec_cpu_quota', type: 'gauge', help: 'CPU quota of the container.', samples: limited },
    { name: 'container_spec_cpu_period', type: 'gauge', help: 'CPU period of the container.', samples: limited.map((sample) => ({ ...sample, value: quotaPeriod })) },
  ];
}

function disks(pods: readonly PodReading[], storage: ReadonlyMap<string, PodStorage>): readonly Metric[] {
  const used = pods.flatMap((pod) => pod.containers.flatMap((container) => {
    const measured = storage.get(pod.worker.uid);
    const rootfs = measured?.containers.get(container.name)?.rootfs;
    return measured === undefined || rootfs === undefined ? [] : [{ labels: { ...containerLabels(pod, container), device: '' }, rootfs, at: measured.at }];
  }));
  return [
    { name: 'container_fs_usage_bytes', type: 'gauge', help: 'Number of bytes that are consumed by the container on this filesystem.', samples: used.map(({ labels, rootfs, at }) => ({ labels, value: rootfs.bytes, at })) },
  ];
}

function networks(own: readonly InterfaceReading[], root: Readonly<Record<string, string>>, pods: readonly PodReading[]): readonly Metric[] {
  const all = [...own.map((device) => ({ labels: root, device })), ...pods.flatMap((pod) => pod.interfaces.map((device) => ({ labels: podSeries(pod), device })))];
  const metric = (name: string, help: string, value: (device: InterfaceReading) => number): Metric => ({
    name: `container_network_${name}_total`, type: 'counter', help, samples: all.map(({ labels, device }) => ({ labels: { ...labels, interface: device.name }, value: value(device) })),
  });
  return [
    metric('receive_bytes', 'Cumulative count of bytes received', ({ rxBytes }) => rxBytes),
    metric('receive_packets', 'Cumulative count of packets received', ({ rxPackets }) => rxPackets),
    metric('receive_errors', 'Cumulative count of errors encountered while receiving', ({ rxErrors }) => rxErrors),
    metric('receive_packets_dropped', 'Cumulative count of packets dropped while receiving', ({ rxDropped }) => rxDropped),
    metric('transmit_bytes', 'Cumulative count of bytes transmitted', ({ txBytes }) => txBytes),
    metric('transmit_packets', 'Cumulative count of packets transmitted', ({ txPackets }) => txPackets),
    metric('transmit_errors', 'Cumulative count of errors encountered while transmitting', ({ txErrors }) => txErrors),
    metric('transmit_packets_dropped', 'Cumulative count of packets dropped while transmitting', ({ txDropped }) => txDropped),
  ];
}
