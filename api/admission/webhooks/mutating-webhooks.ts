import { MutatingWebhookConfiguration, type MutatingWebhook } from '../../../machinery/kinds/admission-registration.ts';
import type { KubernetesObject } from '../../../machinery/kinds/kind.ts';
import type { Draft } from '../../../machinery/kinds/wire.ts';
import { isSame } from '../../../machinery/patch/json-value.ts';
import { jsonPatch } from '../../../machinery/patch/json-patch.ts';
import { failure, ApiError } from '../../../machinery/status.ts';
import type { Admitted, Mutated } from '../admission.ts';
import { replaceDraft } from '../draft.ts';
import { asVersion } from '../match/versions.ts';
import { configuresAdmission } from '../policy/exempt.ts';
import type { CheckObject } from '../policy/mutating-policies.ts';
import { objectValue } from '../policy/request-value.ts';
import type { FollowingPlugin } from '../policy/validating-policies.ts';
import { ask, concerned, type Concerned } from './ask.ts';
import { createHookIndex, type Hook } from './hooks.ts';
import type { WebhookDependencies } from './validating-webhooks.ts';

export interface MutatingWebhookDependencies extends WebhookDependencies {
  readonly check: CheckObject;
}

/** What the webhooks saw last that want to be asked again if others change the object after them. */
type Seen = Map<Hook<MutatingWebhook>, KubernetesObject>;

/** MutatingWebhookConfigurations: one after the other, each sees what those before it made. Costs nothing while there are none. */
export function mutatingWebhooks(deps: MutatingWebhookDependencies): FollowingPlugin {
  const index = createHookIndex<MutatingWebhook, MutatingWebhookConfiguration>(deps.caches, MutatingWebhookConfiguration, deps.versionsOf);
  const seen = new WeakMap<Admitted, Seen>();
  const run = (write: Admitted, draft: Draft<KubernetesObject>, round: 0 | 1): Mutated | Promise<Mutated> => {
    const before = seen.get(write) ?? new Map<Hook<MutatingWebhook>, KubernetesObject>();
    seen.set(write, before);
    const { hooks } = index;
    // Most writes concern none.
    return hooks.some((hook) => hook.matches(write, draft) !== undefined) ? inTurn(hooks, { write, draft, round, before, deps }) : undefined;
  };
  return {
    name: 'MutatingAdmissionWebhook',
    handles: ({ resource }) => index.hooks.length > 0 && !configuresAdmission(resource),
    mutate: (write, draft) => run(write, draft, 0),
    mutateAgain: (write, draft) => run(write, draft, 1),
    validate(write, object) {
      // There is nothing to change about a deletion or a connection, but it may be refused.
      if (write.operation !== 'DELETE' && write.operation !== 'CONNECT') return undefined;
      const hooks = index.hooks.filter((hook) => hook.matches(write, object) !== undefined);
      return hooks.length === 0 ? undefined : allInTurn(hooks, { write, object, deps });
    },
    caughtUp: () => index.caughtUp(),
    close: () => { index.close(); },
  };
}

interface Refusable {
  readonly write: Admitted;
  readonly object: KubernetesObject | undefined;
  readonly deps: MutatingWebhookDependencies;
}

async function allInTurn(hooks: readonly Hook<MutatingWebhook>[], { write, object, deps }: Refusable): Promise<void> {
  for (const hook of hooks) {
    const one = await concerned(hook, write, object, deps.authorizer);
    if (one !== undefined) await ask('admit', one, deps);
  }
}

interface Round {
  readonly write: Admitted;
  readonly draft: Draft<KubernetesObject>;
  readonly round: 0 | 1;
  readonly before: Seen;
  readonly deps: MutatingWebhookDependencies;
}

async function inTurn(hooks: readonly Hook<MutatingWebhook>[], { write, draft, round, before, deps }: Round): Promise<Mutated> {
  let changed = false;
  for (const [position, hook] of hooks.entries()) {
    const wantsAgain = hook.webhook.reinvocationPolicy === 'IfNeeded';
    const last = before.get(hook);
    if (round === 1 && (!wantsAgain || last === undefined || isSame(last, draft))) continue;
    const one = await concerned(hook, write, draft, deps.authorizer);
    if (one === undefined) continue;
    const answer = await ask('admit', one, deps);
    const mutated = answer?.patch !== undefined && await patch(draft, answer.patch, one, deps);
    changed ||= mutated;
    const note = answer === undefined ? 'failed-open.mutation' : 'mutation';
    write.annotate(`${note}.webhook.admission.k8s.io/round_${round}_index_${position}`, answer === undefined
      ? hook.webhook.name : JSON.stringify({ configuration: hook.configuration, webhook: hook.webhook.name, mutated }));
    if (wantsAgain) before.set(hook, structuredClone(draft));
  }
  return changed ? 'changed' : undefined;
}

/** True: the patch changed the draft. Throws 500 for a patch that does not apply, 422 for what it makes of the object. */
async function patch(draft: Draft<KubernetesObject>, operations: unknown, { hook, attributes }: Concerned<MutatingWebhook>, { check }: MutatingWebhookDependencies): Promise<boolean> {
  const { write, object } = attributes;
  const resource = write.written ?? write.resource;
  const as = write.written ?? attributes.as;
  let made: unknown;
  try {
    made = jsonPatch(objectValue(object, as), operations);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    throw failure('InternalError', `Internal error occurred: admission webhook ${JSON.stringify(hook.webhook.name)}: ${error.message}`, undefined, { cause: error });
  }
  const next = check(resource, as === resource ? made : await asVersion(check(as, made), as, resource));
  resource.defaults?.(next);
  if (isSame(next, draft)) return false;
  replaceDraft(draft, next);
  return true;
}
