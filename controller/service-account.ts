import { Namespace, ServiceAccount } from '../machinery/kinds/core.ts';
import { defineController, watching } from './define.ts';
import type { Step } from './steps.ts';

/** Every namespace has a ServiceAccount named `default`. Source: "Service Accounts", default service accounts. */

const name = 'default';

export const serviceAccountController = defineController<Namespace, { readonly present: boolean }>({
  name: 'serviceaccount',
  component: 'service-account-controller',
  primary: Namespace,
  watches: [watching(ServiceAccount, (account) => [account.metadata?.namespace ?? ''], (before, after) => after === undefined && before?.metadata?.name === name)],
  observe: (namespace, { caches }) => ({ present: caches.of(ServiceAccount).get(namespace.metadata?.name, name) !== undefined }),
  plan,
});

export function plan(namespace: Namespace, { present }: { readonly present: boolean }): readonly Step[] {
  if (present || namespace.metadata?.deletionTimestamp !== undefined) return [];
  const object: ServiceAccount = { metadata: { name, namespace: namespace.metadata?.name ?? '' } };
  return [{ type: 'create', kind: ServiceAccount, object, existingIsFine: true }];
}
