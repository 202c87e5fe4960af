import type { KubernetesObject } from '../../../machinery/kinds/kind.ts';
import type { Draft } from '../../../machinery/kinds/wire.ts';
import { failure } from '../../../machinery/status.ts';
import type { Call, Result } from '../../request.ts';
import { trackUpdate } from '../../field-management/track.ts';
import { trackedWrite } from '../tracked-write.ts';
import { replaced } from '../update.ts';
import { changeObject, isDryRun, type Writer } from '../writer.ts';
import { patched } from '../patch.ts';

/** `certificatesigningrequests/approval`: the conditions of the status, and nothing else. Source: "Certificate signing requests". */
export async function approve(writer: Writer, call: Call): Promise<Result> {
  const { resource, info, body, query } = call;
  if (body === undefined) throw failure('BadRequest', 'the request has no body: send the CertificateSigningRequest');
  const options = { fieldValidation: query['fieldValidation'], warn: call.warn };
  const { entry } = await changeObject(writer, resource, info.namespace, info.name, isDryRun(query), (current) => {
    const asked = info.verb === 'patch' ? patched(writer, call, current.exact) : writer.codec.decode(resource, body, options);
    return replaced(writer, call, current, withConditions(current.exact, asked), (draft, old) => {
      trackUpdate(trackedWrite(writer, call), draft, old);
    });
  });
  return { type: 'entry', code: 200, resource, entry };
}

function withConditions(old: KubernetesObject, asked: KubernetesObject): Draft<KubernetesObject> {
  const draft = structuredClone(asked) as Draft<KubernetesObject>;
  Reflect.set(draft, 'status', { ...structuredClone(statusOf(old)), conditions: Reflect.get(statusOf(asked), 'conditions') ?? [] });
  return draft;
}

function statusOf(object: KubernetesObject): object {
  const status: unknown = Reflect.get(object, 'status');
  return typeof status === 'object' && status !== null ? status : {};
}
