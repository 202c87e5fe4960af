import type { V1Scale } from '@kubernetes/client-node';
import { defineKind, type KubernetesObject } from '../../../machinery/kinds/kind.ts';
import type { Draft, Wire } from '../../../machinery/kinds/wire.ts';
import { failure } from '../../../machinery/status.ts';
import { applyPatch, type Call, type Result } from '../../request.ts';
import { defineResource, type ScalePaths } from '../../resources/define.ts';
import type { Entry } from '../../store/cache.ts';
import type { Application } from '../../field-management/apply.ts';
import { setEntries, type Entries } from '../../field-management/entries.ts';
import { applyScale, trackScale, type ScaleWrite } from '../../field-management/scale.ts';
import { admitThrough, judgedAlready } from '../admitted.ts';
import { applicationOf } from '../apply.ts';
import { draftOf } from '../metadata.ts';
import { checkPatchType, patched } from '../patch.ts';
import type { Reader } from '../reader.ts';
import { freshEnough, revisionOf } from '../reader.ts';
import { trackedWrite } from '../tracked-write.ts';
import { replaced } from '../update.ts';
import { checkWriteOptions } from '../write-options.ts';
import { changeObject, existing, isDryRun, type Outcome, type Writer } from '../writer.ts';
import { invalidField } from './answers.ts';

export type Scale = Wire<V1Scale>;
export const scales = defineResource(defineKind<Scale>('autoscaling', 'v1', 'Scale', 'scales'), { stored: false });

/** `/scale`: the one number of a workload, in a shape that all workloads share. Source: Scale, autoscaling/v1. */
export async function scale(deps: Reader & Writer, call: Call): Promise<Result> {
  const { resource, info, query } = call;
  const paths = resource.scale;
  if (paths === undefined) throw failure('NotFound', 'the server could not find the requested resource');
  if (info.verb === 'get') {
    await freshEnough(deps, revisionOf(query['resourceVersion']), call.signal);
    return answer(scaleOf(paths, existing(deps, resource, info.namespace, info.name)));
  }
  checkWriteOptions(call);
  const apply = call.patchType === applyPatch ? applicationOf(deps, { ...call, resource: scales }) : undefined;
  const { entry } = await changeObject(deps, resource, info.namespace, info.name, isDryRun(query), (current) =>
    (apply === undefined ? rescaled(deps, call, paths, current, wanted(deps, call, paths, current)) : appliedScale(deps, call, paths, current, apply)));
  return answer(scaleOf(paths, entry));
}

function answer(object: Scale): Result {
  return { type: 'object', code: 200, resource: scales, object };
}

function scaleOf(paths: ScalePaths<KubernetesObject>, { object }: Entry): Scale {
  const { name = '', namespace = '', uid = '', resourceVersion = '', creationTimestamp } = object.metadata ?? {};
  const selector = paths.selector(object);
  return {
    kind: 'Scale', apiVersion: 'autoscaling/v1',
    metadata: { name, namespace, uid, resourceVersion, ...(creationTimestamp === undefined ? {} : { creationTimestamp }) },
    spec: { replicas: paths.replicas(object) },
    status: { replicas: paths.statusReplicas(object), ...(selector === '' ? {} : { selector }) },
  };
}

function wanted(writer: Writer, call: Call, paths: ScalePaths<KubernetesObject>, current: Entry): Scale {
  const { info, body, query } = call;
  if (body === undefined) throw failure('BadRequest', 'the request has no body: send a Scale');
  const options = { fieldValidation: query['fieldValidation'], warn: call.warn };
  checkPatchType(call);
  if (info.verb === 'patch') return patched(writer, { ...call, resource: scales }, scaleOf(paths, current));
  return writer.codec.decode(scales, body, options);
}

function appliedScale(writer: Writer, call: Call, paths: ScalePaths<KubernetesObject>, current: Entry, application: Application): Promise<Outcome> {
  const { object, entries } = applyScale(scaleWrite(writer, call), application, current.exact, scaleOf(paths, current));
  const asked: Scale = writer.codec.check(scales, object, { fieldValidation: call.query['fieldValidation'], warn: call.warn });
  return rescaled(writer, call, paths, current, asked, entries);
}

function scaleWrite(writer: Writer, call: Call): ScaleWrite {
  const { manager, now } = trackedWrite(writer, call);
  return { resource: call.resource, scales, manager, now };
}

/** The update of the whole object that a Scale stands for; `entries`: its owners afterwards, where they are settled already. */
async function rescaled(writer: Writer, call: Call, paths: ScalePaths<KubernetesObject>, current: Entry, given: Scale, entries?: Entries): Promise<Outcome> {
  const { info } = call;
  const asked = structuredClone(given) as Draft<Scale>;
  await admitThrough(writer, call, asked, { operation: 'UPDATE', subresource: 'scale', written: scales, old: scaleOf(paths, current) });
  const replicas = asked.spec?.replicas ?? 0;
  if (replicas < 0) throw invalidField(scales, info.name, ['spec', 'replicas'], replicas, 'must be greater than or equal to 0');
  const draft = draftOf(current.exact);
  paths.setReplicas(draft, replicas);
  const { uid, resourceVersion } = asked.metadata ?? {};
  draft.metadata = { ...draft.metadata, uid: uid ?? current.uid, resourceVersion: resourceVersion ?? '' };
  const owners = entries ?? trackScale(scaleWrite(writer, call), current.exact, scaleOf(paths, current), asked);
  return replaced({ ...writer, admission: judgedAlready }, { ...call, info: { ...info, subresource: '' } }, current, draft, (object) => { setEntries(object, owners); });
}
