import { Namespace } from '../../machinery/kinds/core.ts';
import { failure } from '../../machinery/status.ts';
import { refused } from '../access/refused.ts';
import { targetOf, type AdmissionPlugin } from './admission.ts';
import { isReview } from './policy/exempt.ts';

/** Nothing new in a namespace that is missing or ending, and some namespaces never end. Source: "Admission controllers", NamespaceLifecycle. */
const immortal: ReadonlySet<string> = new Set(['default', 'kube-system', 'kube-public']);

export const namespaceLifecycle: AdmissionPlugin = {
  name: 'NamespaceLifecycle',
  handles: ({ operation, namespace, resource, subresource }) =>
    // Who may ask what somebody may do is not told by the answer whether there is such a namespace.
    (operation === 'DELETE' ? isNamespace(resource) : namespace !== '' && resource.scope === 'Namespaced' && !isReview(resource) && (subresource === '' || operation === 'UPDATE')),
  // Before everything else: what other plug-ins would miss in a missing namespace is not worth reporting.
  mutate(write) {
    const { operation, namespace, caches } = write;
    if (operation === 'DELETE') return;
    const found = caches.of(Namespace).get(undefined, namespace);
    if (found === undefined) throw failure('NotFound', `namespaces ${JSON.stringify(namespace)} not found`, { name: namespace, kind: 'namespaces' });
    if (operation !== 'CREATE' || found.object.status?.phase !== 'Terminating') return;
    throw refused(targetOf(write), `unable to create new content in namespace ${namespace} because it is being terminated`, [
      { reason: 'NamespaceTerminating', message: `namespace ${namespace} is being terminated`, field: 'metadata.namespace' },
    ]);
  },
  validate(write) {
    if (write.operation === 'DELETE' && immortal.has(write.name)) throw refused(targetOf(write), 'this namespace may not be deleted');
  },
};

function isNamespace({ group, plural }: { readonly group: string; readonly plural: string }): boolean {
  return group === '' && plural === 'namespaces';
}
