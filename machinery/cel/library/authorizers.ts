import { flat } from '../cost.ts';
import { CelError } from '../errors.ts';
import { define, type Overload } from '../functions.ts';
import { opaque } from '../types.ts';
import { OpaqueValue } from '../values.ts';

/** What an expression asks whether somebody may do: a path, or a verb on a resource. */
export interface Question {
  readonly verb: string;
  readonly path?: string;
  readonly group?: string;
  readonly resource?: string;
  readonly subresource?: string;
  readonly namespace?: string;
  readonly name?: string;
  readonly fieldSelector?: string;
  readonly labelSelector?: string;
  /** Asked for this service account, not for whoever makes the request. */
  readonly serviceAccount?: { readonly namespace: string; readonly name: string };
}

export interface Answer {
  readonly allowed: boolean;
  readonly reason?: string;
  readonly error?: string;
}

export type Decide = (question: Question) => Answer;

/** `authorizer`, and what is built from it with `group`, `resource`, `path` and so on. */
class CheckValue extends OpaqueValue {
  override readonly typeName: string;
  readonly decide: Decide;
  readonly question: Question;

  constructor(typeName: string, decide: Decide, question: Question) {
    super();
    this.typeName = typeName;
    this.decide = decide;
    this.question = question;
  }

  override equals(other: OpaqueValue): boolean {
    return other === this;
  }

  with(more: Partial<Question>, typeName = this.typeName): CheckValue {
    return new CheckValue(typeName, this.decide, { ...this.question, ...more });
  }
}

class DecisionValue extends OpaqueValue {
  override readonly typeName = 'kubernetes.authorization.Decision';
  readonly answer: Answer;

  constructor(answer: Answer) {
    super();
    this.answer = answer;
  }

  override equals(other: OpaqueValue): boolean {
    return other === this;
  }
}

const authorizerName = 'kubernetes.authorization.Authorizer';
const pathName = 'kubernetes.authorization.PathCheck';
const groupName = 'kubernetes.authorization.GroupCheck';
const resourceName = 'kubernetes.authorization.ResourceCheck';

/** The types of the variables `authorizer` and `authorizer.requestResource`. */
export const authorizerType = opaque(authorizerName);
export const resourceCheckType = opaque(resourceName);

/** The value of the variable `authorizer`. */
export function authorizerValue(decide: Decide): OpaqueValue {
  return new CheckValue(authorizerName, decide, { verb: '' });
}

/** The value of the variable `authorizer.requestResource`: the check of what the request itself is about. */
export function requestResourceValue(decide: Decide, question: Omit<Question, 'verb'>): OpaqueValue {
  return new CheckValue(resourceName, decide, { ...question, verb: '' });
}

function check(value: CheckValue, verb: string): DecisionValue {
  return new DecisionValue(value.decide({ ...value.question, verb }));
}

/** An authorization check is dear: two of them are all that one expression may make. */
const dear = { cost: flat(350_000) };

/** Kubernetes' authorizer functions. */
export const authorizers: readonly Overload[] = [
  define('authorizer::path(string): pathCheck', (value: CheckValue, path: string) => {
    if (path.trim() === '') throw new CelError('path must not be empty');
    return value.with({ path }, pathName);
  }),
  define('authorizer::group(string): groupCheck', (value: CheckValue, group: string) => value.with({ group }, groupName)),
  define('authorizer::serviceAccount(string, string): authorizer', (value: CheckValue, namespace: string, name: string) => value.with({ serviceAccount: { namespace, name } })),
  define('groupCheck::resource(string): resourceCheck', (value: CheckValue, resource: string) => value.with({ resource }, resourceName)),
  define('resourceCheck::subresource(string): resourceCheck', (value: CheckValue, subresource: string) => value.with({ subresource })),
  define('resourceCheck::namespace(string): resourceCheck', (value: CheckValue, namespace: string) => value.with({ namespace })),
  define('resourceCheck::name(string): resourceCheck', (value: CheckValue, name: string) => value.with({ name })),
  define('resourceCheck::fieldSelector(string): resourceCheck', (value: CheckValue, fieldSelector: string) => value.with({ fieldSelector })),
  define('resourceCheck::labelSelector(string): resourceCheck', (value: CheckValue, labelSelector: string) => value.with({ labelSelector })),
  define('resourceCheck::check(string): decision', check, dear),
  define('pathCheck::check(string): decision', check, dear),
  define('decision::allowed(): bool', ({ answer }: DecisionValue) => answer.allowed),
  define('decision::reason(): string', ({ answer }: DecisionValue) => answer.reason ?? ''),
  define('decision::errored(): bool', ({ answer }: DecisionValue) => answer.error !== undefined),
  define('decision::error(): string', ({ answer }: DecisionValue) => answer.error ?? ''),
];
