import type { Bindings } from '../../../machinery/cel/frame.ts';
import { MutatingAdmissionPolicy, MutatingAdmissionPolicyBinding } from '../../../machinery/kinds/admission-registration.ts';
import type { KubernetesObject } from '../../../machinery/kinds/kind.ts';
import type { Draft } from '../../../machinery/kinds/wire.ts';
import { isSame, type JsonObject } from '../../../machinery/patch/json-value.ts';
import { ApiError } from '../../../machinery/status.ts';
import { refused } from '../../access/refused.ts';
import type { Resource } from '../../resources/define.ts';
import type { Admitted, Mutated } from '../admission.ts';
import { replaceDraft } from '../draft.ts';
import { asVersion } from '../match/versions.ts';
import { sharedBindings } from './evaluate.ts';
import { configuresAdmission, isReview } from './exempt.ts';
import { compileMutating, mutate, type MutatingProgram } from './mutating.ts';
import { attributesOf } from './request-value.ts';
import { paramKindProblem, paramsOf } from './params.ts';
import { createPolicyIndex, type BoundPolicy } from './policy-index.ts';
import type { FollowingPlugin, PolicyDependencies } from './validating-policies.ts';

/** Checks what a mutation made, as a body is checked; unknown fields are pruned. Throws `ApiError`. */
export type CheckObject = (resource: Resource, value: unknown) => Draft<KubernetesObject>;

export interface MutatingDependencies extends PolicyDependencies {
  readonly check: CheckObject;
}

type Bound = BoundPolicy<MutatingAdmissionPolicy, MutatingAdmissionPolicyBinding, MutatingProgram>;

/** What came of the policies that were asked and want to be asked again if others change the object: the object after each. */
type Asked = Map<string, KubernetesObject>;

/** MutatingAdmissionPolicies with their bindings. Source: "Mutating admission policy". Costs nothing while nothing is bound. */
export function mutatingPolicies(deps: MutatingDependencies): FollowingPlugin {
  const index = createPolicyIndex({
    caches: deps.caches, policies: MutatingAdmissionPolicy, bindings: MutatingAdmissionPolicyBinding, versionsOf: deps.versionsOf,
    compile: ({ spec }) => compileMutating(spec ?? {}),
  });
  const asked = new WeakMap<Admitted, Asked>();
  const run = (write: Admitted, draft: Draft<KubernetesObject>, isAgain: boolean): Mutated | Promise<Mutated> => {
    const before = asked.get(write) ?? new Map<string, KubernetesObject>();
    asked.set(write, before);
    // One policy may change what another looks at; but when none is concerned now, nothing changes.
    return index.bound.some(({ matches }) => matches(write, draft) !== undefined) ? inTurn(index.bound, { write, draft, deps, before, isAgain }) : undefined;
  };
  return {
    name: 'MutatingAdmissionPolicy',
    handles: ({ resource }) => index.bound.length > 0 && !configuresAdmission(resource) && !isReview(resource),
    mutate: (write, draft) => run(write, draft, false),
    mutateAgain: (write, draft) => run(write, draft, true),
    caughtUp: () => index.caughtUp(),
    close: () => { index.close(); },
  };
}

interface Question {
  readonly bound: Bound;
  readonly write: Admitted;
  readonly draft: Draft<KubernetesObject>;
  readonly deps: MutatingDependencies;
  readonly before: Asked;
  readonly isAgain: boolean;
}

async function inTurn(policies: readonly Bound[], question: Omit<Question, 'bound'>): Promise<Mutated> {
  let changed = false;
  for (const bound of policies) changed = await ask({ bound, ...question }) || changed;
  return changed ? 'changed' : undefined;
}

/** One policy with all its bindings. True: it changed the draft. */
async function ask({ bound, write, draft, deps, before, isAgain }: Question): Promise<boolean> {
  const { name, policy } = bound;
  const { spec } = policy;
  const wantsAgain = spec?.reinvocationPolicy === 'IfNeeded';
  if (isAgain && !wantsAgain) return false;
  let changed = false;
  for (const { name: bindingName, binding, matches } of bound.bindings) {
    const as = bound.matches(write, draft);
    if (as === undefined || matches(write, draft) === undefined) continue;
    const key = `${name}/${bindingName}`;
    const last = before.get(key);
    if (isAgain && last !== undefined && isSame(last, draft)) continue;
    const fail = (problem: string, reason: 'Invalid' | 'Forbidden' = 'Invalid'): void => {
      if ((spec?.failurePolicy ?? 'Fail') === 'Fail') throw denied(write, `policy '${name}' with binding '${bindingName}' denied request: ${problem}`, reason);
    };
    const unknownKind = paramKindProblem(spec?.paramKind, deps.resourceOfKind);
    if (unknownKind !== undefined) {
      fail(`failed to configure policy: ${unknownKind}`, 'Forbidden');
      continue;
    }
    const params = paramsOf(spec?.paramKind, binding.spec?.paramRef, write, deps.resourceOfKind);
    if (params.problem !== undefined) {
      fail(`failed to configure binding: ${params.problem}`, 'Forbidden');
      continue;
    }
    for (const one of params.list) changed = await change({ bound, write, draft, deps, params: one, as, fail }) || changed;
    if (wantsAgain) before.set(key, structuredClone(draft));
  }
  return changed;
}

interface Change extends Pick<Question, 'bound' | 'write' | 'draft' | 'deps'> {
  readonly params: object | null;
  readonly as: Resource;
  /** Throws, or returns where failures are ignored. */
  readonly fail: (problem: string) => void;
}

async function change({ bound, write, draft, deps, params, as, fail }: Change): Promise<boolean> {
  // What is written through a subresource has no versions that a rule could name.
  const { written } = write;
  const resource = written ?? write.resource;
  const { object: before = draft, old } = await attributesOf(write, draft, as);
  const bindings = (object: KubernetesObject): Bindings => sharedBindings({ write, as, object, old }, deps.authorizer);
  const shownAs = written ?? as;
  const settle = (object: JsonObject): KubernetesObject => {
    const checked = deps.check(shownAs, object);
    shownAs.defaults?.(checked);
    return checked;
  };
  const { object, problems } = mutate(bound.program, before, { bindings, params, as: shownAs, settle });
  for (const problem of problems) fail(problem);
  if (object === undefined || object === before) return false;
  const next = written === undefined && as !== resource ? deps.check(resource, await asVersion(object, as, resource)) : structuredClone(object) as Draft<KubernetesObject>;
  if (isSame(next, draft)) return false;
  replaceDraft(draft, next);
  return true;
}

function denied({ resource, name }: Admitted, message: string, reason: 'Invalid' | 'Forbidden'): ApiError {
  const { status } = refused({ group: resource.group, resource: resource.plural, name }, message, [{ message }]);
  return new ApiError({ ...status, message, reason });
}
