import { ServiceAccount } from '../../../machinery/kinds/core.ts';
import { count } from '../columns.ts';
import { age, defineResource, name } from '../define.ts';

/** Source: "Service accounts"; `token`: "TokenRequest", authentication.k8s.io/v1. */
export const serviceAccount = defineResource(ServiceAccount, {
  shortNames: ['sa'],
  columns: [name(), count('Secrets', 'How many secrets it names.', (object) => (object.secrets ?? []).length), age()],
  subresources: [{ name: 'token', kind: { group: 'authentication.k8s.io', version: 'v1', kind: 'TokenRequest' }, verbs: ['create'] }],
  deletion: { answersObject: true },
});
