import { ValidatingWebhookConfiguration } from '../../../machinery/kinds/admission-registration.ts';
import { count } from '../columns.ts';
import { age, defineResource, name } from '../define.ts';
import { defaultWebhook, validateWebhooks } from './webhooks.ts';

/** Source: "Dynamic admission control". */
export const validatingWebhookConfiguration = defineResource(ValidatingWebhookConfiguration, {
  updatesNameVersion: true,
  categories: ['api-extensions'],
  generation: true,
  columns: [name(), count('Webhooks', 'How many webhooks it registers.', (object) => object.webhooks?.length ?? 0), age()],
  defaults(draft) {
    for (const webhook of draft.webhooks ?? []) defaultWebhook(webhook);
  },
  validate: (object) => validateWebhooks(object.webhooks, () => []),
});
