import { duplicate, invalid, notSupported, Path, required, type FieldError } from '../../../machinery/field-path.ts';
import { CSIDriver } from '../../../machinery/kinds/storage.ts';
import { oneOf } from '../checks.ts';
import { text } from '../columns.ts';
import { age, defineResource, name, type Column } from '../define.ts';
import { immutable } from '../immutable.ts';

type Spec = CSIDriver['spec'];
type TokenRequest = NonNullable<Spec['tokenRequests']>[number];

const groupPolicies = ['File', 'None', 'ReadWriteOnceWithFSType'] as const;
const modes: readonly string[] = ['Persistent', 'Ephemeral'];
/** Seconds. */
const shortestPeriod = 10;
const [shortestToken, longestToken] = [600, 2 ** 32];

function flag(title: string, description: string, cell: (spec: Spec) => boolean): Column<CSIDriver> {
  return { name: title, type: 'boolean', description, cell: (object) => cell(object.spec ?? {}) };
}

/** Source: "CSIDriver", Kubernetes CSI developer documentation. */
export const csiDriver = defineResource(CSIDriver, {
  updatesNameVersion: true,
  columns: [
    name(),
    flag('AttachRequired', 'Are its volumes attached before they are mounted?', ({ attachRequired = true }) => attachRequired),
    flag('PodInfoOnMount', 'Is it told which pod mounts?', ({ podInfoOnMount = false }) => podInfoOnMount),
    flag('StorageCapacity', 'Does scheduling mind its capacity?', ({ storageCapacity = false }) => storageCapacity),
    text('TokenRequests', 'For which audiences it gets tokens of pods.', ({ spec }) => (spec?.tokenRequests === undefined ? '<unset>' : spec.tokenRequests.map(({ audience = '' }) => audience).join(','))),
    flag('RequiresRepublish', 'Is it asked again and again to publish?', ({ requiresRepublish = false }) => requiresRepublish),
    text('Modes', 'Which lives of volumes it supports.', ({ spec }) => (spec?.volumeLifecycleModes ?? []).join(',') || '<none>'),
    age(),
  ],
  defaults(draft) {
    draft.spec ??= {};
    const { spec } = draft;
    spec.attachRequired ??= true;
    spec.podInfoOnMount ??= false;
    spec.storageCapacity ??= false;
    spec.fsGroupPolicy ??= 'ReadWriteOnceWithFSType';
    if ((spec.volumeLifecycleModes ?? []).length === 0) spec.volumeLifecycleModes = ['Persistent'];
    spec.requiresRepublish ??= false;
    spec.seLinuxMount ??= false;
  },
  validate: ({ spec }) => validateSpec(spec ?? {}, new Path('spec')),
  validateUpdate: (object, old) => [
    // Misspelled in Kubernetes' own messages.
    ...immutable(object.spec?.attachRequired, old.spec?.attachRequired, new Path('spec.attachedRequired')),
    ...immutable(object.spec?.volumeLifecycleModes, old.spec?.volumeLifecycleModes, new Path('spec.volumeLifecycleModes')),
  ],
});

function validateSpec(spec: Spec, path: Path): FieldError[] {
  const { tokenRequests = [], serviceAccountTokenInSecrets: inSecrets, nodeAllocatableUpdatePeriodSeconds: period } = spec;
  return [
    ...oneOf(path.child('fsGroupPolicy'), spec.fsGroupPolicy, groupPolicies),
    ...validateTokens(tokenRequests, path.child('tokenRequests')),
    ...(spec.volumeLifecycleModes ?? []).flatMap((mode) => (modes.includes(mode) ? [] : [notSupported(path.child('volumeLifecycleModes'), mode, modes)])),
    ...(period !== undefined && period < shortestPeriod
      ? [invalid(path.child('nodeAllocatableUpdatePeriodSeconds'), period, `must be greater than or equal to ${shortestPeriod} seconds`)] : []),
    ...(inSecrets !== undefined && tokenRequests.length === 0
      ? [invalid(path.child('serviceAccountTokenInSecrets'), inSecrets, 'serviceAccountTokenInSecrets is set but no tokenRequests are specified')] : []),
    ...(['attachRequired', 'podInfoOnMount', 'storageCapacity', 'seLinuxMount'] as const).flatMap((field) => (spec[field] === undefined ? [required(path.child(field))] : [])),
  ];
}

function validateTokens(requests: readonly TokenRequest[], path: Path): FieldError[] {
  const audiences = requests.map(({ audience = '' }) => audience);
  return requests.flatMap(({ expirationSeconds: seconds }, index) => {
    const [at, audience] = [path.index(index), audiences[index] ?? ''];
    if (audiences.indexOf(audience) < index) return [duplicate(at.child('audience'), audience)];
    if (seconds === undefined) return [];
    return [
      ...(seconds < shortestToken ? [invalid(at.child('expirationSeconds'), seconds, 'may not specify a duration less than 10 minutes')] : []),
      ...(seconds > longestToken ? [invalid(at.child('expirationSeconds'), seconds, 'may not specify a duration larger than 2^32 seconds')] : []),
    ];
  });
}
