import { ServiceAccount } from '../../../machinery/kinds/core.ts';
import { defineResource } from '../define.ts';

/** Source: "Service accounts"; `token`: "TokenRequest", authentication.k8s.io/v1. */
export const serviceAccount = defineResource(ServiceAccount, {
  shortNames: ['sa'],
  subresources: [{ name: 'token', kind: { group: 'authentication.k8s.io', version: 'v1', kind: 'TokenRequest' }, verbs: ['create'] }],
  deletion: { answersObject: true },
});
