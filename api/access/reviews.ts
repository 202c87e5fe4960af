import { Path, invalid, invalidObject, required, type FieldError } from '../../machinery/field-path.ts';
import type { LocalSubjectAccessReview, PolicyRule, SelfSubjectAccessReview, SelfSubjectReview, SelfSubjectRulesReview, SubjectAccessReview, TokenReview } from '../../machinery/kinds/cluster.ts';
import { apiVersionOf, type KubernetesObject } from '../../machinery/kinds/kind.ts';
import type { Draft } from '../../machinery/kinds/wire.ts';
import { failure } from '../../machinery/status.ts';
import { admitted } from '../handlers/admitted.ts';
import { bindToRequest } from '../handlers/metadata.ts';
import type { Codec, Writer } from '../handlers/writer.ts';
import { userInfoOf, type Call, type Handler, type RequestInfo, type User } from '../request.ts';
import type { ClusterAuthenticator } from './authentication.ts';
import type { ClusterAuthorizer } from './rbac.ts';

/** "May I?", "may they?", "who am I?", "whose token is this?": answered at once, never stored. Source: authorization.k8s.io/v1, authentication.k8s.io/v1. */

export interface ReviewDependencies extends Pick<Writer, 'caches' | 'admission'> {
  readonly authorizer: ClusterAuthorizer;
  readonly authenticator: ClusterAuthenticator;
  readonly codec: Pick<Codec, 'decode'>;
}

/** What a review is asked; `check` throws when it is no question, before anybody else is asked whether it may be. */
interface Review<T extends KubernetesObject> {
  check?(asked: T, call: Call): void;
  status(asked: T, call: Call): object | Promise<object>;
}

/** POST on each review, by plural. Webhooks are asked about them as about any object; policies are not. */
export function reviewHandlers(deps: ReviewDependencies): Readonly<Record<string, Handler>> {
  const answering = <T extends KubernetesObject>({ check, status }: Review<T>): Handler => async (call) => {
    const draft = bodyOf(deps.codec, call);
    bindToRequest(draft, call.resource, call.info);
    const write = admitted(deps, call, { operation: 'CREATE', name: draft.metadata?.name ?? '', old: undefined });
    await deps.admission.mutate(write, draft);
    const asked = draft as unknown as T;
    check?.(asked, call);
    await deps.admission.validate(write, draft);
    const object = { ...asked, kind: call.resource.kind, apiVersion: apiVersionOf(call.resource), metadata: asked.metadata ?? {}, status: await status(asked, call) };
    return { type: 'object', code: 201, resource: call.resource, object };
  };
  const decide = (user: User, spec: AccessSpec): object => {
    const { allowed, reason } = deps.authorizer.authorize(user, infoOf(spec));
    return { allowed, ...(reason === '' ? {} : { reason }) };
  };
  return {
    selfsubjectaccessreviews: answering<SelfSubjectAccessReview>({
      check: ({ spec }, call) => { refuse(call, accessErrors(spec)); },
      status: ({ spec }, call) => decide(call.user, spec),
    }),
    subjectaccessreviews: answering<SubjectAccessReview>({
      check: ({ spec }, call) => { refuse(call, [...accessErrors(spec), ...subjectErrors(spec)]); },
      status: ({ spec }) => decide(subjectOf(spec), spec),
    }),
    localsubjectaccessreviews: answering<LocalSubjectAccessReview>({
      check: ({ spec }, call) => { refuse(call, [...accessErrors(spec), ...subjectErrors(spec), ...localErrors(spec, call.info.namespace)]); },
      status: ({ spec }) => decide(subjectOf(spec), spec),
    }),
    selfsubjectrulesreviews: answering<SelfSubjectRulesReview>({
      check({ spec }) {
        if ((spec.namespace ?? '') === '') throw failure('BadRequest', 'no namespace on request');
      },
      status: ({ spec }, call) => rulesStatus(deps.authorizer.rulesFor(call.user, spec.namespace ?? '')),
    }),
    selfsubjectreviews: answering<SelfSubjectReview>({ status: (_asked, call) => ({ userInfo: userInfoOf(call.user) }) }),
    tokenreviews: answering<TokenReview>({
      check({ spec }) {
        if ((spec.token ?? '') === '') throw failure('BadRequest', 'token is required for TokenReview in authentication');
      },
      async status({ spec }) {
        const check = await deps.authenticator.reviewToken(spec.token ?? '', spec.audiences ?? []);
        if (check === undefined) return { user: {}, error: 'invalid bearer token' };
        return { authenticated: true, user: userInfoOf(check.user), audiences: check.audiences };
      },
    }),
  };
}

/** `spec` is required in every review's schema but SelfSubjectReview's: the codec lets no body through without it. */
function bodyOf(codec: Pick<Codec, 'decode'>, call: Call): Draft<KubernetesObject> {
  const { body, resource, query, warn } = call;
  if (body === undefined) throw failure('BadRequest', `the request has no body: send a ${resource.kind}`);
  const decoded = codec.decode(resource, body, { fieldValidation: query['fieldValidation'], warn });
  const spec: unknown = Reflect.get(decoded, 'spec');
  return typeof spec !== 'object' || spec === null ? { ...decoded, spec: {} } as Draft<KubernetesObject> : decoded;
}

type AccessSpec = Pick<NonNullable<SelfSubjectAccessReview['spec']>, 'resourceAttributes' | 'nonResourceAttributes'>;
type SubjectSpec = NonNullable<SubjectAccessReview['spec']>;
const path = new Path('spec');

function accessErrors({ resourceAttributes, nonResourceAttributes }: AccessSpec): FieldError[] {
  if (resourceAttributes !== undefined && nonResourceAttributes !== undefined) {
    return [invalid(path.child('nonResourceAttributes'), nonResourceAttributes, 'cannot be specified in combination with resourceAttributes')];
  }
  if (resourceAttributes !== undefined || nonResourceAttributes !== undefined) return [];
  return [invalid(path.child('resourceAttributes'), null, 'exactly one of nonResourceAttributes or resourceAttributes must be specified')];
}

function subjectErrors({ user, groups }: SubjectSpec): FieldError[] {
  if ((user ?? '') !== '' || (groups ?? []).length > 0) return [];
  return [invalid(path.child('user'), user ?? '', 'at least one of user or group must be specified')];
}

function localErrors({ resourceAttributes, nonResourceAttributes }: SubjectSpec, namespace: string): FieldError[] {
  if (nonResourceAttributes !== undefined) return [invalid(path.child('nonResourceAttributes'), nonResourceAttributes, 'disallowed on this kind of request')];
  const asked = resourceAttributes?.namespace ?? '';
  if (asked === '') return [required(path.child('resourceAttributes', 'namespace'))];
  return asked === namespace ? [] : [invalid(path.child('resourceAttributes', 'namespace'), asked, 'must match metadata.namespace')];
}

function refuse(call: Call, errors: readonly FieldError[]): void {
  if (errors.length > 0) throw invalidObject(call.resource, '', errors);
}

function subjectOf({ user = '', groups = [], uid, extra }: SubjectSpec): User {
  return { name: user, groups, ...(uid === undefined ? {} : { uid }), ...(extra === undefined ? {} : { extra }) };
}

function infoOf({ resourceAttributes: asked, nonResourceAttributes }: AccessSpec): RequestInfo {
  const none = { path: '', group: '', version: '', resource: '', subresource: '', namespace: '', name: '' };
  if (asked === undefined) {
    return { ...none, isResource: false, verb: nonResourceAttributes?.verb ?? '', path: nonResourceAttributes?.path ?? '' };
  }
  const { verb = '', group = '', version = '', resource = '', subresource = '', namespace = '', name = '' } = asked;
  const selector = asked.fieldSelector?.rawSelector ?? asked.fieldSelector?.requirements?.map(({ key, values = [] }) => `${key}=${values[0] ?? ''}`).join(',');
  return { path: '', isResource: true, verb, group, version, resource, subresource, namespace, name, ...(selector === undefined ? {} : { fieldSelector: selector }) };
}

function rulesStatus(rules: readonly PolicyRule[]): object {
  const nonResourceRules = rules.filter((rule) => (rule.nonResourceURLs ?? []).length > 0)
    .map(({ verbs, nonResourceURLs }) => ({ verbs, nonResourceURLs }));
  const resourceRules = rules.filter((rule) => (rule.resources ?? []).length > 0)
    .map(({ verbs, apiGroups, resources, resourceNames }) => ({ verbs, apiGroups, resources, ...(resourceNames === undefined ? {} : { resourceNames }) }));
  return { resourceRules, nonResourceRules, incomplete: false };
}
