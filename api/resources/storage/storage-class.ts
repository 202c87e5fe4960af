import { duplicate, forbidden, Path, required, type FieldError } from '../../../machinery/field-path.ts';
import { StorageClass } from '../../../machinery/kinds/storage.ts';
import { qualifiedName } from '../../../machinery/names.ts';
import { faults, oneOf } from '../checks.ts';
import { text } from '../columns.ts';
import { age, defineResource, name, type Column } from '../define.ts';
import { immutable, same } from '../immutable.ts';
import { oldLabel } from '../label-warnings.ts';
import { validateParameters, validateProvisioner } from './names.ts';

type Term = NonNullable<StorageClass['allowedTopologies']>[number];

/** Marks the class of claims that name none. */
const defaultClassAnnotations: readonly string[] = ['storageclass.kubernetes.io/is-default-class', 'storageclass.beta.kubernetes.io/is-default-class'];

/** Source: "Storage classes". */
export const storageClass = defineResource(StorageClass, {
  shortNames: ['sc'],
  columns: [
    { ...name<StorageClass>(), cell: (object) => `${object.metadata?.name ?? ''}${isDefaultClass(object) ? ' (default)' : ''}` },
    text('Provisioner', 'Who makes its volumes.', (object) => object.provisioner ?? ''),
    text('ReclaimPolicy', 'What becomes of a volume that is released.', (object) => object.reclaimPolicy ?? 'Delete'),
    text('VolumeBindingMode', 'When a volume is chosen.', (object) => object.volumeBindingMode ?? 'Immediate'),
    { name: 'AllowVolumeExpansion', type: 'string', description: 'May volumes grow?', cell: (object) => object.allowVolumeExpansion ?? false } satisfies Column<StorageClass>,
    age(),
  ],
  defaults(draft) {
    draft.reclaimPolicy ??= 'Delete';
    draft.volumeBindingMode ??= 'Immediate';
  },
  validate: (object) => [
    ...validateProvisioner(object.provisioner, new Path('provisioner')),
    ...validateParameters(object.parameters, false, new Path('parameters')),
    ...oneOf(new Path('reclaimPolicy'), object.reclaimPolicy, ['Delete', 'Retain']),
    ...oneOf(new Path('volumeBindingMode'), object.volumeBindingMode, ['Immediate', 'WaitForFirstConsumer']),
    ...validateTopologies(object.allowedTopologies ?? [], new Path('allowedTopologies')),
  ],
  validateUpdate: (object, old) => [
    ...(['parameters', 'provisioner', 'reclaimPolicy'] as const).flatMap((field) =>
      (same(object[field], old[field]) ? [] : [forbidden(new Path(field), `updates to ${field} are forbidden.`)])),
    ...immutable(object.volumeBindingMode, old.volumeBindingMode, new Path('volumeBindingMode')),
  ],
  warnings: (object) => (object.allowedTopologies ?? []).flatMap((term, index) => (term.matchLabelExpressions ?? []).flatMap(({ key = '' }, position) =>
    oldLabel(key, new Path('allowedTopologies').index(index).child('matchLabelExpressions').index(position).child('key')))),
});

export function isDefaultClass(object: StorageClass): boolean {
  return defaultClassAnnotations.some((annotation) => object.metadata?.annotations?.[annotation] === 'true');
}

/** Each term once; in a term each key once, with values that differ. */
function validateTopologies(terms: readonly Term[], path: Path): FieldError[] {
  return terms.flatMap((term, index) => {
    const at = path.index(index).child('matchLabelExpressions');
    const repeated = terms.slice(0, index).some((other) => same(sorted(other), sorted(term)));
    return [...validateTerm(term, at), ...(repeated ? [duplicate(at, '')] : [])];
  });
}

function validateTerm({ matchLabelExpressions = [] }: Partial<Term>, path: Path): FieldError[] {
  const keys = matchLabelExpressions.map(({ key = '' }) => key);
  return matchLabelExpressions.flatMap(({ key = '', values = [] }, index) => {
    const at = path.index(index);
    return [
      ...faults(at.child('key'), key, qualifiedName(key)),
      ...(values.length === 0 ? [required(at.child('values'))] : []),
      ...values.flatMap((value, position) => (values.indexOf(value) < position ? [duplicate(at.child('values').index(position), value)] : [])),
      ...(keys.indexOf(key) < index ? [duplicate(at.child('key'), key)] : []),
    ];
  });
}

function sorted({ matchLabelExpressions = [] }: Partial<Term>): unknown {
  return Object.fromEntries(matchLabelExpressions.map(({ key = '', values = [] }) => [key, values.toSorted()]));
}
