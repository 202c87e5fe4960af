import { defineKind } from '../../../machinery/kinds/kind.ts';
import type { Eviction } from '../../../machinery/kinds/policy.ts';
import { failure } from '../../../machinery/status.ts';
import type { Call, Result } from '../../request.ts';
import { defineResource } from '../../resources/define.ts';
import { deleteWith, optionsFrom } from '../delete.ts';
import type { Writer } from '../writer.ts';
import { success } from './answers.ts';

export const evictions = defineResource(defineKind<Eviction>('policy', 'v1', 'Eviction', 'evictions'), { stored: false });

/** POST `pods/eviction`: a deletion that asks first. Source: "API-initiated eviction". */
export async function evict(writer: Writer, call: Call): Promise<Result> {
  const { resource, info, body, query } = call;
  if (body === undefined) throw failure('BadRequest', 'the request has no body: send an Eviction');
  const eviction: Eviction = writer.codec.decode(evictions, body, { fieldValidation: query['fieldValidation'], warn: call.warn });
  const { name = info.name } = eviction.metadata ?? {};
  if (name !== info.name) throw failure('BadRequest', `name in URL does not match name in Eviction object: ${JSON.stringify(name)}, ${JSON.stringify(info.name)}`);
  await deleteWith(writer, call, info.name, optionsFrom(eviction.deleteOptions ?? {}, query));
  return success(resource, 201);
}
