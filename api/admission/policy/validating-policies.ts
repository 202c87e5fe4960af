import type { Bindings } from '../../../machinery/cel/frame.ts';
import { ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding } from '../../../machinery/kinds/admission-registration.ts';
import type { KubernetesObject } from '../../../machinery/kinds/kind.ts';
import { ApiError, codeOf, type Reason } from '../../../machinery/status.ts';
import type { Authorizer } from '../../access/access.ts';
import { refused } from '../../access/refused.ts';
import type { Resource } from '../../resources/define.ts';
import type { Caches } from '../../store/cache.ts';
import type { Admitted, AdmissionPlugin } from '../admission.ts';
import type { AdmissionMetrics } from '../metrics.ts';
import type { VersionsOf } from '../match/versions.ts';
import { sharedBindings } from './evaluate.ts';
import { configuresAdmission, isReview } from './exempt.ts';
import { attributesOf } from './request-value.ts';
import { paramKindProblem, paramsOf, type ResourceOfKind } from './params.ts';
import { createPolicyIndex, type BoundPolicy } from './policy-index.ts';
import { compileValidating, failed, validate, type Finding, type ValidatingProgram } from './validating.ts';

export interface PolicyDependencies {
  readonly caches: Caches;
  readonly authorizer: Authorizer;
  readonly versionsOf: VersionsOf;
  readonly resourceOfKind: ResourceOfKind;
  readonly metrics?: Pick<AdmissionMetrics, 'checked'>;
}

/** A plug-in that follows the caches until it is closed. */
export interface FollowingPlugin extends AdmissionPlugin {
  /** Resolves when what the caches held at the call counts. */
  caughtUp(): Promise<void>;
  close(): void;
}

type Bound = BoundPolicy<ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding, ValidatingProgram>;

/** ValidatingAdmissionPolicies with their bindings. Source: "Validating admission policy". Costs nothing while nothing is bound. */
export function validatingPolicies(deps: PolicyDependencies): FollowingPlugin {
  const index = createPolicyIndex({
    caches: deps.caches, policies: ValidatingAdmissionPolicy, bindings: ValidatingAdmissionPolicyBinding, versionsOf: deps.versionsOf,
    compile: ({ spec }) => compileValidating(spec ?? {}),
  });
  return {
    name: 'ValidatingAdmissionPolicy',
    handles: ({ resource }) => index.bound.length > 0 && !configuresAdmission(resource) && !isReview(resource),
    validate(write, object) {
      const concerned = index.bound.filter(({ matches }) => matches(write, object) !== undefined);
      return concerned.length === 0 ? undefined : askAll(concerned, { write, object, shared: sharedByVersion(write, object, deps.authorizer), deps });
    },
    caughtUp: () => index.caughtUp(),
    close: () => { index.close(); },
  };
}

async function askAll(policies: readonly Bound[], asked: Asked): Promise<void> {
  const denials: Denial[] = [];
  for (const policy of policies) denials.push(...await ask(policy, asked));
  if (denials.length > 0) throw denied(asked.write, denials);
}

/** The variables that all policies share, once for each version in which the object is shown. */
function sharedByVersion(write: Admitted, object: KubernetesObject | undefined, authorizer: Authorizer): (as: Resource) => Promise<Bindings> {
  const known = new Map<Resource, Bindings>();
  return async (as) => {
    const bindings = known.get(as) ?? sharedBindings(await attributesOf(write, object, as), authorizer);
    known.set(as, bindings);
    return bindings;
  };
}

interface Asked {
  readonly write: Admitted;
  readonly object: KubernetesObject | undefined;
  readonly shared: (as: Resource) => Promise<Bindings>;
  readonly deps: PolicyDependencies;
}

interface Denial extends Finding {
  readonly policy: string;
  /** Absent: the policy itself can't be asked. */
  readonly binding?: string;
}

/** One policy with all its bindings: what is denied. Warnings and audit annotations are given on the way. */
async function ask(bound: Bound, { write, object, shared, deps }: Asked): Promise<Denial[]> {
  const { name, policy, matches } = bound;
  const as = matches(write, object);
  if (as === undefined) return [];
  const failurePolicy = policy.spec?.failurePolicy ?? 'Fail';
  const misconfigured = (message: string, binding?: string): Denial[] =>
    (failurePolicy === 'Ignore' ? [] : [{ ...failed(message), policy: name, ...(binding === undefined ? {} : { binding }) }]);
  const problem = paramKindProblem(policy.spec?.paramKind, deps.resourceOfKind);
  if (problem !== undefined) return misconfigured(`failed to configure policy: ${problem}`);
  const bindings = await shared(as);
  const annotations = new Map<string, Set<string>>();
  const denials = bound.bindings.flatMap(({ name: bindingName, binding, matches: bindingMatches }) => {
    if (bindingMatches(write, object) === undefined) return [];
    const params = paramsOf(policy.spec?.paramKind, binding.spec?.paramRef, write, deps.resourceOfKind);
    if (params.problem !== undefined) return misconfigured(`failed to configure binding: ${params.problem}`, bindingName);
    return params.list.flatMap((one) => {
      const found = validate(bound.program, bindings, one, failurePolicy);
      for (const [key, value] of found.annotations) annotations.set(key, (annotations.get(key) ?? new Set()).add(value));
      const enforced = act(found.denials, { policy: name, binding: bindingName, actions: binding.spec?.validationActions ?? [], write, metrics: deps.metrics });
      return [...enforced, ...found.failures.map((failure) => ({ ...failure, policy: name, binding: bindingName }))];
    });
  });
  // Several bindings and parameters may say different things.
  for (const [key, values] of annotations) write.annotate(`${name}/${key}`, [...values].join(', '));
  return denials;
}

interface Enforcement {
  readonly policy: string;
  readonly binding: string;
  readonly actions: readonly string[];
  readonly write: Admitted;
  readonly metrics: PolicyDependencies['metrics'];
}

const auditKey = 'validation.policy.admission.k8s.io/validation_failure';

/** Does what the binding wants done about findings; what is denied is the result. */
function act(findings: readonly Finding[], { policy, binding, actions, write, metrics }: Enforcement): Denial[] {
  for (const action of findings.length === 0 ? ['allow'] : actions) metrics?.checked(policy, binding, action.toLowerCase());
  if (findings.length === 0) return [];
  if (actions.includes('Warn')) {
    for (const { message } of findings) write.warn(`Validation failed for ValidatingAdmissionPolicy '${policy}' with binding '${binding}': ${message}`);
  }
  if (actions.includes('Audit')) {
    write.annotate(auditKey, JSON.stringify(findings.map(({ message, index = 0 }) => ({ message, policy, binding, expressionIndex: index, validationActions: actions }))));
  }
  return actions.includes('Deny') ? findings.map((finding) => ({ ...finding, policy, binding })) : [];
}

/** The first denial is the answer. */
function denied({ resource, name }: Admitted, denials: readonly Denial[]): ApiError {
  const [first] = denials;
  const by = first?.binding === undefined ? '' : ` with binding '${first.binding}'`;
  const message = `ValidatingAdmissionPolicy '${first?.policy ?? ''}'${by} denied request: ${first?.message ?? ''}`;
  const { status } = refused({ group: resource.group, resource: resource.plural, name }, message, [{ message }]);
  const reason = reasonOf(first?.reason);
  return new ApiError({ ...status, reason, code: codeOf[reason] });
}

function reasonOf(reason: string | undefined): Reason {
  return reason === 'Forbidden' || reason === 'RequestEntityTooLarge' || reason === 'Unauthorized' ? reason : 'Invalid';
}
