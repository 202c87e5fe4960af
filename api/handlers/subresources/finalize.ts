import type { Namespace } from '../../../machinery/kinds/core.ts';
import type { Draft } from '../../../machinery/kinds/wire.ts';
import { failure } from '../../../machinery/status.ts';
import type { Call, Result } from '../../request.ts';
import { trackUpdate } from '../../field-management/track.ts';
import { mayGoNow } from '../delete.ts';
import { draftOf } from '../metadata.ts';
import { trackedWrite } from '../tracked-write.ts';
import { changeObject, conflict, isDryRun, modified, type Writer } from '../writer.ts';

/** PUT `namespaces/finalize`: takes `spec.finalizers` from the body and nothing else; the last one gone, so is the namespace. */
export async function finalize(writer: Writer, call: Call): Promise<Result> {
  const { resource, info, body, query } = call;
  if (body === undefined) throw failure('BadRequest', 'the request has no body: send the Namespace');
  const wanted = writer.codec.decode(resource, body, { fieldValidation: query['fieldValidation'], warn: call.warn }) as Draft<Namespace>;
  const { entry } = await changeObject(writer, resource, '', info.name, isDryRun(query), (current) => {
    const { resourceVersion = '' } = wanted.metadata ?? {};
    if (resourceVersion !== '' && resourceVersion !== String(current.revision)) throw conflict(resource, info.name, modified);
    const draft = draftOf(current.exact as Namespace);
    const { finalizers = [] } = wanted.spec ?? {};
    if (finalizers.length > 0) draft.spec = { ...draft.spec, finalizers };
    else if (draft.spec !== undefined) delete draft.spec.finalizers;
    trackUpdate(trackedWrite(writer, call), draft, current.exact);
    return mayGoNow(resource, draft) ? { type: 'delete' } : { type: 'put', object: draft };
  });
  return { type: 'entry', code: 200, resource, entry };
}
