import { TokenRequest } from '../../../machinery/kinds/authentication.ts';
import { failure } from '../../../machinery/status.ts';
import { issueServiceAccountToken, type TokenIssuer } from '../../access/tokens.ts';
import type { Call, Result } from '../../request.ts';
import { defineResource } from '../../resources/define.ts';
import type { Writer } from '../writer.ts';

export const tokenRequests = defineResource(TokenRequest, { stored: false });

/** POST `serviceaccounts/token`. Source: "TokenRequest", authentication.k8s.io/v1. */
export async function issueToken(deps: TokenIssuer & Pick<Writer, 'codec'>, call: Call): Promise<Result> {
  const { info, body, query } = call;
  if (body === undefined) throw failure('BadRequest', 'the request has no body: send a TokenRequest');
  const request: TokenRequest = deps.codec.decode(tokenRequests, body, { fieldValidation: query['fieldValidation'], warn: call.warn });
  const object = await issueServiceAccountToken(deps, { namespace: info.namespace, name: info.name }, request, call.user);
  return { type: 'object', code: 201, resource: tokenRequests, object };
}
