import { Path, invalidObject, notSupported, required } from '../../../machinery/field-path.ts';
import type { KubernetesObject } from '../../../machinery/kinds/kind.ts';
import type { Binding, Pod } from '../../../machinery/kinds/core.ts';
import type { Draft } from '../../../machinery/kinds/wire.ts';
import { failure } from '../../../machinery/status.ts';
import type { Call, Result } from '../../request.ts';
import { binding as bindings } from '../../resources/core/binding.ts';
import type { Resource } from '../../resources/define.ts';
import { admitThrough } from '../admitted.ts';
import { draftOf, metadataOf } from '../metadata.ts';
import { changeObject, conflict, isDryRun, type Writer } from '../writer.ts';
import { success } from './answers.ts';
import { timestamp } from '../../../machinery/conditions.ts';

/** POST `bindings`: as POST `pods/binding` on the pod that the Binding is named after. */
export async function bindNamed(writer: Writer, pods: Resource, call: Call): Promise<Result> {
  const { info, body } = call;
  const value = body === undefined ? undefined : writer.codec.parse(body);
  const metadata: unknown = typeof value === 'object' && value !== null ? Reflect.get(value, 'metadata') : undefined;
  const name: unknown = typeof metadata === 'object' && metadata !== null ? Reflect.get(metadata, 'name') : undefined;
  if (typeof name !== 'string' || name === '') throw failure('BadRequest', 'name is required');
  return bind(writer, { ...call, resource: pods, info: { ...info, name, subresource: 'binding' } });
}

/** POST `pods/binding`: gives a pod its node, once. Source: Binding, core/v1. */
export async function bind(writer: Writer, call: Call): Promise<Result> {
  const { resource, info, body, query } = call;
  if (body === undefined) throw failure('BadRequest', 'the request has no body: send a Binding');
  const options = { fieldValidation: query['fieldValidation'], warn: call.warn };
  const binding = writer.codec.decode(bindings, body, options) as Draft<Binding>;
  const name = binding.metadata?.name ?? '';
  if (name !== '' && name !== info.name) throw failure('BadRequest', 'name in URL does not match name in Binding object');
  checkTarget(binding);
  await admitThrough(writer, call, binding, { operation: 'CREATE', subresource: 'binding', written: bindings });
  const condition = { uid: binding.metadata?.uid, resourceVersion: binding.metadata?.resourceVersion };
  await changeObject(writer, resource, info.namespace, info.name, isDryRun(query), (current) => {
    if ((condition.uid ?? current.uid) !== current.uid) {
      throw bindingConflict(resource, info.name, `Precondition failed: UID in precondition: ${condition.uid}, UID in object meta: ${current.uid}`);
    }
    if ((condition.resourceVersion ?? String(current.revision)) !== String(current.revision)) {
      throw bindingConflict(resource, info.name, `Precondition failed: ResourceVersion in precondition: ${condition.resourceVersion}, ResourceVersion in object meta: ${current.revision}`);
    }
    return { type: 'put', object: bound(resource, current.exact as Pod, binding, writer.now()) };
  });
  return success(resource, 201);
}

function checkTarget({ metadata, target }: Draft<Binding>): void {
  const path = new Path('target');
  const kind = target?.kind ?? '';
  const errors = [
    ...(kind === '' || kind === 'Node' ? [] : [notSupported(path.child('kind'), kind, ['Node', '<empty>'])]),
    ...((target?.name ?? '') === '' ? [required(path.child('name'), '')] : []),
  ];
  if (errors.length > 0) throw invalidObject(bindings, metadata?.name ?? '', errors);
}

/** The pod with its node. Throws 409 when it has one or may have none. */
function bound(resource: Resource, pod: Pod, binding: Draft<Binding>, now: number): Draft<KubernetesObject> {
  const name = pod.metadata?.name ?? '';
  if (pod.metadata?.deletionTimestamp !== undefined) throw bindingConflict(resource, name, `pod ${name} is being deleted, cannot be assigned to a host`);
  const node = pod.spec?.nodeName ?? '';
  if (node !== '') throw bindingConflict(resource, name, `pod ${name} is already assigned to node ${JSON.stringify(node)}`);
  if ((pod.spec?.schedulingGates ?? []).length > 0) throw bindingConflict(resource, name, `pod ${name} has non-empty .spec.schedulingGates`);
  const draft = draftOf(pod);
  const metadata = metadataOf(draft);
  if (draft.spec !== undefined) draft.spec.nodeName = binding.target.name ?? '';
  Object.assign(metadata, merged('annotations', metadata.annotations, binding.metadata?.annotations));
  Object.assign(metadata, merged('labels', metadata.labels, binding.metadata?.labels));
  const status = (draft.status ??= {});
  const others = (status.conditions ?? []).filter(({ type }) => type !== 'PodScheduled');
  status.conditions = [...others, { type: 'PodScheduled', status: 'True', lastTransitionTime: timestamp(now), ...generationOf(pod) }];
  return draft;
}

function generationOf(pod: Pod): { observedGeneration?: number } {
  return pod.metadata?.generation === undefined ? {} : { observedGeneration: pod.metadata.generation };
}

function merged(field: string, old: Readonly<Record<string, string>> | undefined, more: Readonly<Record<string, string>> | undefined) {
  return more === undefined ? {} : { [field]: { ...old, ...more } };
}

function bindingConflict(resource: Resource, name: string, why: string) {
  return conflict({ ...resource, plural: `${resource.plural}/binding` }, name, why);
}

