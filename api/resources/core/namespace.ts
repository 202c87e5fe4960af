import { Namespace } from '../../../machinery/kinds/core.ts';
import type { Draft } from '../../../machinery/kinds/wire.ts';
import { Path, invalid } from '../../../machinery/field-path.ts';
import { validateFinalizers } from '../../../machinery/labels.ts';
import { dns1123Label } from '../../../machinery/names.ts';
import { text } from '../columns.ts';
import { age, defineResource, name } from '../define.ts';

/** Holds every namespace until the namespace controller has emptied it. */
const finalizer = 'kubernetes';
const nameLabel = 'kubernetes.io/metadata.name';

/** Source: "Namespaces"; deletion: the `finalize` subresource takes names off `spec.finalizers`. */
export const namespace = defineResource(Namespace, {
  shortNames: ['ns'],
  // All but `deletecollection`: namespaces go one by one.
  verbs: ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'],
  status: true,
  subresources: [{ name: 'finalize', kind: Namespace, verbs: ['update'] }],
  fields: { 'status.phase': (object) => object.status?.phase ?? '' },
  columns: [name(), text('Status', 'Active, or Terminating while its content is deleted.', (object) => object.status?.phase ?? ''), age()],
  validateName: dns1123Label,
  defaults(draft) {
    const own = draft.metadata?.name;
    if (own === undefined || draft.metadata === undefined) return;
    draft.metadata.labels = { ...draft.metadata.labels, [nameLabel]: own };
  },
  prepareForCreate(draft) {
    draft.status = { phase: 'Active' };
    const finalizers = draft.spec?.finalizers ?? [];
    draft.spec = { ...draft.spec, finalizers: finalizers.includes(finalizer) ? finalizers : [...finalizers, finalizer] };
  },
  prepareForUpdate(draft, old) {
    const kept = old.spec?.finalizers;
    draft.spec = { ...draft.spec };
    if (kept === undefined) delete draft.spec.finalizers;
    else draft.spec.finalizers = [...kept];
  },
  validate: (object) => validateFinalizers(object.spec?.finalizers, new Path('spec.finalizers')),
  validateStatusUpdate(object) {
    const deleting = object.metadata?.deletionTimestamp !== undefined;
    const phase = deleting ? 'Terminating' : 'Active';
    const { phase: given = '' } = object.status ?? {};
    return given === phase ? [] : [invalid(new Path('status.Phase'), given, `may only be '${phase}' if \`deletionTimestamp\` is ${deleting ? 'not ' : ''}empty`)];
  },
  deletion: {
    blocked: (object) => (object.spec?.finalizers ?? []).length > 0,
    begin(draft: Draft<Namespace>) {
      draft.status = { ...draft.status, phase: 'Terminating' };
    },
  },
});
