import { ValidatingWebhookConfiguration, type ValidatingWebhook } from '../../../machinery/kinds/admission-registration.ts';
import { configuresAdmission } from '../policy/exempt.ts';
import type { FollowingPlugin } from '../policy/validating-policies.ts';
import type { Caches } from '../../store/cache.ts';
import type { VersionsOf } from '../match/versions.ts';
import { ask, concerned, type Asking } from './ask.ts';
import { createHookIndex } from './hooks.ts';

export interface WebhookDependencies extends Asking {
  readonly caches: Caches;
  readonly versionsOf: VersionsOf;
}

/** ValidatingWebhookConfigurations: all that are concerned are asked at once, and the first refusal counts. Costs nothing while there are none. */
export function validatingWebhooks(deps: WebhookDependencies): FollowingPlugin {
  const index = createHookIndex<ValidatingWebhook, ValidatingWebhookConfiguration>(deps.caches, ValidatingWebhookConfiguration, deps.versionsOf);
  return {
    name: 'ValidatingAdmissionWebhook',
    handles: ({ resource }) => index.hooks.length > 0 && !configuresAdmission(resource),
    validate(write, object) {
      const hooks = index.hooks.filter((hook) => hook.matches(write, object) !== undefined);
      return hooks.length === 0 ? undefined : allAllow(hooks.map(async (hook) => {
        const one = await concerned(hook, write, object, deps.authorizer);
        if (one !== undefined) await ask('validating', one, deps);
      }));
    },
    caughtUp: () => index.caughtUp(),
    close: () => { index.close(); },
  };
}

/** Waits for all: none is left running. Throws what the first in order threw. */
async function allAllow(answers: readonly Promise<unknown>[]): Promise<void> {
  const outcomes = await Promise.allSettled(answers);
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}
