import { MutatingWebhookConfiguration } from '../../../machinery/kinds/admission-registration.ts';
import { oneOf } from '../checks.ts';
import { count } from '../columns.ts';
import { age, defineResource, name } from '../define.ts';
import { defaultWebhook, reinvocationPolicies, validateWebhooks } from './webhooks.ts';

/** Source: "Dynamic admission control". */
export const mutatingWebhookConfiguration = defineResource(MutatingWebhookConfiguration, {
  updatesNameVersion: true,
  categories: ['api-extensions'],
  generation: true,
  columns: [name(), count('Webhooks', 'How many webhooks it registers.', (object) => object.webhooks?.length ?? 0), age()],
  defaults(draft) {
    for (const webhook of draft.webhooks ?? []) {
      defaultWebhook(webhook);
      webhook.reinvocationPolicy ??= 'Never';
    }
  },
  validate: (object) => validateWebhooks(object.webhooks, (webhook, path) => oneOf(path.child('reinvocationPolicy'), webhook.reinvocationPolicy, reinvocationPolicies)),
});
