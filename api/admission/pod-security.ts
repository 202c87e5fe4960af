import { setImmediate as turn } from 'node:timers/promises';
import { fieldErrorTexts, invalidObject } from '../../machinery/field-path.ts';
import { CronJob, Job } from '../../machinery/kinds/batch.ts';
import { DaemonSet, Deployment, ReplicaSet, StatefulSet } from '../../machinery/kinds/apps.ts';
import { Namespace, Pod, PodTemplate, ReplicationController, type PodTemplateSpec } from '../../machinery/kinds/core.ts';
import type { KubernetesObject } from '../../machinery/kinds/kind.ts';
import { refused } from '../access/refused.ts';
import { handlerKey } from '../handlers/writer.ts';
import { targetOf, type Admitted, type AdmissionPlugin } from './admission.ts';
import { containersOf, subjectOf, type Subject } from './pod-security/check.ts';
import { violations, violationsText } from './pod-security/evaluate.ts';
import { summary } from './pod-security/summary.ts';
import { demandText, isStricter, policyOf, type Demand, type Policy } from './pod-security/policy.ts';

/** Holds pods to the Pod Security Standards that their namespace's labels name, and tells what would be refused. Source: "Pod security admission". */

/** Templates of pods, by the kinds that have them. Refused are only pods themselves. */
const templates: ReadonlyMap<string, (object: KubernetesObject) => PodTemplateSpec | undefined> = new Map([
  ...[Deployment, DaemonSet, ReplicaSet, StatefulSet, ReplicationController, Job].map((kind) => [handlerKey(kind), (object: KubernetesObject) => (object as Deployment).spec?.template] as const),
  [handlerKey(CronJob), (object) => (object as CronJob).spec?.jobTemplate?.spec?.template],
  [handlerKey(PodTemplate), (object) => (object as PodTemplate).template],
]);
const ignoredSubresources: ReadonlySet<string> = new Set(['exec', 'attach', 'binding', 'eviction', 'log', 'portforward', 'proxy', 'status']);
const auditPrefix = 'pod-security.kubernetes.io/';
/** Pods that a new level is held against at once; more are not looked at. */
const mostPods = 3000;
const podsATurn = 200;

export const podSecurity: AdmissionPlugin = {
  name: 'PodSecurity',
  handles({ operation, resource, subresource }) {
    if (operation === 'DELETE') return false;
    const key = handlerKey(resource);
    if (key === handlerKey(Pod)) return !ignoredSubresources.has(subresource);
    return subresource === '' && (key === handlerKey(Namespace) || templates.has(key));
  },
  validate(write, object) {
    if (object === undefined) return;
    const key = handlerKey(write.resource);
    if (key === handlerKey(Namespace)) return validateNamespace(write, object);
    const { policy, errors } = policyOf(write.caches.of(Namespace).get(undefined, write.namespace)?.object.metadata?.labels);
    if (errors.length > 0) write.annotate(`${auditPrefix}error`, `Failed to parse policy: ${fieldErrorTexts(errors).join(', ')}`);
    if (key === handlerKey(Pod)) {
      if (write.old === undefined || isSignificant(object as Pod, write.old as Pod)) evaluate(write, policy, subjectOf(object as Pod), true);
      return;
    }
    const template = templates.get(key)?.(object);
    if (template !== undefined) evaluate(write, policy, subjectOf(template), false);
  },
};

/** Throws 403 where the policy is enforced; notes what it would say elsewhere. */
function evaluate(write: Admitted, { enforce, audit, warn }: Policy, subject: Subject, isEnforced: boolean): void {
  const told = (demand: Demand) => violationsText(violations(demand, subject));
  if (isEnforced) write.annotate(`${auditPrefix}enforce-policy`, demandText(enforce));
  const audited = told(audit);
  if (audited !== '') write.annotate(`${auditPrefix}audit-violations`, `would violate PodSecurity ${JSON.stringify(demandText(audit))}: ${audited}`);
  const refusal = isEnforced ? told(enforce) : '';
  if (refusal !== '') {
    throw refused(targetOf(write), `violates PodSecurity ${JSON.stringify(demandText(enforce))}: ${refusal}`);
  }
  const warning = told(warn);
  if (warning !== '') write.warn(`would violate PodSecurity ${JSON.stringify(demandText(warn))}: ${warning}`);
}

function imagesOf({ spec }: Pod): ReadonlyMap<string, string | undefined> {
  return new Map(containersOf(spec ?? { containers: [] }).map(({ name, image }) => [name, image]));
}

/** Does an update change what runs? */
function isSignificant(pod: Pod, old: Pod): boolean {
  const [now, before] = [imagesOf(pod), imagesOf(old)];
  return now.size !== before.size || [...now].some(([name, image]) => !before.has(name) || before.get(name) !== image);
}

function validateNamespace(write: Admitted, object: KubernetesObject): void | Promise<void> {
  const { policy, errors } = policyOf(object.metadata?.labels);
  const before = policyOf(write.old?.metadata?.labels);
  const text = (list: typeof errors) => JSON.stringify(list.map((error) => [error.path.toString(), error.body]));
  if (errors.length > 0 && (write.old === undefined || text(errors) !== text(before.errors))) throw invalidObject(Namespace, write.name, errors);
  if (write.old === undefined) return;
  const [now, was] = [policy.enforce, before.policy.enforce];
  const loosened = now.level === 'privileged' || (now.minor === was.minor && !isStricter(now.level, was.level));
  if (loosened) return;
  return warnOfPods(write, now);
}

/** Which pods the new level would not have let in: they stay, whoever changes it should know. */
async function warnOfPods(write: Admitted, demand: Demand): Promise<void> {
  const pods = [...write.caches.of(Pod).list(write.name)];
  const found = [];
  for (const [index, { object, name }] of pods.slice(0, mostPods).entries()) {
    if (index % podsATurn === podsATurn - 1) await turn();
    const reasons = violations(demand, subjectOf(object)).map(({ reason }) => reason).join(', ');
    if (reasons !== '') found.push({ name, reasons });
  }
  if (pods.length > mostPods) write.warn(`new PodSecurity enforce level only checked against the first ${mostPods} of ${pods.length} existing pods`);
  if (found.length === 0) return;
  write.warn(`existing pods in namespace ${JSON.stringify(write.name)} violate the new PodSecurity enforce level ${JSON.stringify(demandText(demand))}`);
  for (const line of summary(found)) write.warn(line);
}
