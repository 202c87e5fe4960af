import { ConfigMap, Namespace } from '../machinery/kinds/core.ts';
import { defineController, watching, type Controller } from './define.ts';
import { update, type Step } from './steps.ts';

/** Every namespace has a ConfigMap `kube-root-ca.crt`: what pods trust the API server by. Source: "Managing Service Accounts", bound tokens. */

const name = 'kube-root-ca.crt';
const key = 'ca.crt';
const description = 'kubernetes.io/description';

export function rootCaController(caPem: string): Controller {
  return defineController<Namespace, { readonly present: ConfigMap | undefined }>({
    name: 'root-ca',
    component: 'root-ca-certificate-publisher',
    primary: Namespace,
    watches: [watching(ConfigMap, (map) => [map.metadata?.namespace ?? ''], (before, after) => (before ?? after)?.metadata?.name === name)],
    observe: (namespace, { caches }) => ({ present: caches.of(ConfigMap).get(namespace.metadata?.name, name) }),
    plan: (namespace, { present }) => plan(namespace, present, caPem),
  });
}

export function plan(namespace: Namespace, present: ConfigMap | undefined, caPem: string): readonly Step[] {
  if (namespace.metadata?.deletionTimestamp !== undefined || present?.data?.[key] === caPem) return [];
  if (present !== undefined) return [update(ConfigMap, { ...present, data: { [key]: caPem } })];
  const object: ConfigMap = {
    metadata: {
      name, namespace: namespace.metadata?.name ?? '',
      annotations: { [description]: 'The certificate authority of this cluster\'s API server: what a pod verifies the server by, and nothing else.' },
    },
    data: { [key]: caPem },
  };
  return [{ type: 'create', kind: ConfigMap, object, existingIsFine: true }];
}
