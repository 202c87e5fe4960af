import { TokenRequest } from '../../../machinery/kinds/authentication.ts';
import type { Draft } from '../../../machinery/kinds/wire.ts';
import { failure } from '../../../machinery/status.ts';
import { issueServiceAccountToken, type TokenIssuer } from '../../access/tokens.ts';
import type { Call, Result } from '../../request.ts';
import { defineResource } from '../../resources/define.ts';
import { admitThrough } from '../admitted.ts';
import type { Writer } from '../writer.ts';

export const tokenRequests = defineResource(TokenRequest, { stored: false });

/** POST `serviceaccounts/token`. Source: "TokenRequest", authentication.k8s.io/v1. */
export async function issueToken(deps: TokenIssuer & Pick<Writer, 'codec' | 'admission'>, call: Call): Promise<Result> {
  const { info, body, query } = call;
  if (body === undefined) throw failure('BadRequest', 'the request has no body: send a TokenRequest');
  const request: Draft<TokenRequest> = deps.codec.decode(tokenRequests, body, { fieldValidation: query['fieldValidation'], warn: call.warn });
  await admitThrough(deps, call, request, { operation: 'CREATE', subresource: 'token', written: tokenRequests });
  const object = await issueServiceAccountToken(deps, { namespace: info.namespace, name: info.name }, request, call.user);
  return { type: 'object', code: 201, resource: tokenRequests, object };
}
