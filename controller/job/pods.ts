import { Job } from '../../machinery/kinds/batch.ts';
import type { Container, Pod, PodSpec } from '../../machinery/kinds/core.ts';
import { ownerReference } from '../../machinery/owner-references.ts';
import { podFromTemplate } from '../pod-template.ts';
import { failuresBefore } from './ended-pods.ts';
import { completionIndex, indexFailureCount, indexIgnoredFailureCount, trackingFinalizer } from './names.ts';
import { meaningOf } from './pod-failure-policy.ts';

/** The pods that a Job makes. Source: "Jobs: completion mode". */

/** The longest start of a name that the server completes. */
const longestPrefix = 58;
const indexVariable = 'JOB_COMPLETION_INDEX';

export function podOf(job: Job): Pod {
  const pod = podFromTemplate(job.spec?.template, job.metadata, ownerReference(job, Job));
  return { ...pod, metadata: { ...pod.metadata, finalizers: [...new Set([...(pod.metadata?.finalizers ?? []), trackingFinalizer])] } };
}

/** `replaced`: the last pod of this index, when failures of each index are counted. */
export function podOfIndex(job: Job, index: number, replaced: Pod | undefined): Pod {
  const pod = podOf(job);
  const { name = '' } = job.metadata ?? {};
  const counts = job.spec?.backoffLimitPerIndex === undefined ? {} : failureCounts(job, replaced);
  return {
    metadata: {
      ...pod.metadata, generateName: indexedPrefix(name, index),
      labels: { ...pod.metadata?.labels, [completionIndex]: String(index) },
      annotations: { ...pod.metadata?.annotations, ...counts, [completionIndex]: String(index) },
    },
    ...(pod.spec === undefined ? {} : { spec: { ...withIndexVariable(pod.spec), hostname: `${name}-${index}` } }),
  };
}

function indexedPrefix(name: string, index: number): string {
  const end = `-${index}-`;
  return `${name.slice(0, longestPrefix - end.length)}${end}`;
}

function failureCounts(job: Job, replaced: Pod | undefined): Readonly<Record<string, string>> {
  const before = replaced === undefined ? { counted: 0, ignored: 0 } : failuresBefore(replaced);
  const counts = replaced !== undefined && meaningOf(replaced, job.spec?.podFailurePolicy).counts;
  const ignored = before.ignored + (replaced !== undefined && !counts ? 1 : 0);
  return { [indexFailureCount]: String(before.counted + (counts ? 1 : 0)), ...(ignored > 0 ? { [indexIgnoredFailureCount]: String(ignored) } : {}) };
}

function withIndexVariable(spec: PodSpec): PodSpec {
  const { containers, initContainers } = spec;
  return { ...spec, containers: containers.map(indexed), ...(initContainers === undefined ? {} : { initContainers: initContainers.map(indexed) }) };
}

function indexed(container: Container): Container {
  const { env = [] } = container;
  if (env.some(({ name }) => name === indexVariable)) return container;
  return { ...container, env: [...env, { name: indexVariable, valueFrom: { fieldRef: { fieldPath: `metadata.labels['${completionIndex}']` } } }] };
}
