import { Path, duplicate, forbidden, notFound, type FieldError } from '../../../../machinery/field-path.ts';
import type { Container, Pod, PodSpec } from '../../../../machinery/kinds/core.ts';
import type { Draft } from '../../../../machinery/kinds/wire.ts';
import { isMirror } from '../../../../machinery/pod/static.ts';
import { same } from '../../immutable.ts';
import { validateContainer, type Surroundings } from './containers.ts';

/** Containers that join a pod to look into it: they come one by one and stay. Source: "Ephemeral containers"; wording: Kubernetes' validation. */

type Ephemeral = NonNullable<PodSpec['ephemeralContainers']>[number];

const path = new Path('spec.ephemeralContainers');
const allowed: ReadonlySet<string> = new Set([
  'name', 'image', 'command', 'args', 'workingDir', 'envFrom', 'env', 'volumeMounts', 'volumeDevices', 'terminationMessagePath', 'terminationMessagePolicy', 'imagePullPolicy',
  'securityContext', 'stdin', 'stdinOnce', 'tty', 'targetContainerName',
]);
const refusal = 'cannot be set for an Ephemeral Container';

/** What a write to `pods/ephemeralcontainers` changes: the list, and nothing else. */
export function keepAllButEphemeral(draft: Draft<Pod>, old: Pod): void {
  const { ephemeralContainers } = draft.spec ?? {};
  const kept = structuredClone(old) as Draft<Pod>;
  if (kept.spec !== undefined) {
    const { ephemeralContainers: _old, ...spec } = kept.spec;
    draft.spec = { ...spec, ...(ephemeralContainers === undefined ? {} : { ephemeralContainers }) };
  }
  keepMetadata(draft, kept);
}

/** Labels and annotations are not what such a write is for. */
export function keepMetadata(draft: Draft<Pod>, kept: Draft<Pod>): void {
  const { labels, annotations, finalizers, ownerReferences } = kept.metadata ?? {};
  const { labels: _labels, annotations: _annotations, finalizers: _finalizers, ownerReferences: _owners, ...metadata } = draft.metadata ?? {};
  draft.metadata = {
    ...metadata, ...(labels === undefined ? {} : { labels }), ...(annotations === undefined ? {} : { annotations }),
    ...(finalizers === undefined ? {} : { finalizers }), ...(ownerReferences === undefined ? {} : { ownerReferences }),
  };
}

export function validateEphemeral({ spec = { containers: [] } }: Pod): FieldError[] {
  const { containers = [], initContainers = [], ephemeralContainers = [] } = spec;
  const around: Surroundings = { spec, volumes: new Map((spec.volumes ?? []).map((volume) => [volume.name, volume])), claims: new Set(), isPod: true };
  const names = new Set([...containers, ...initContainers].map(({ name }) => name));
  return ephemeralContainers.flatMap((container, index) => {
    const at = path.index(index);
    const repeated = names.has(container.name) ? [duplicate(at.child('name'), container.name)] : [];
    names.add(container.name);
    return [...validateContainer(container, around, at), ...repeated, ...validateTarget(container, containers, at), ...validateFields(container, at)];
  });
}

function validateTarget({ targetContainerName: target = '' }: Ephemeral, containers: readonly Container[], at: Path): FieldError[] {
  return target === '' || containers.some(({ name }) => name === target) ? [] : [notFound(at.child('targetContainerName'), target)];
}

function validateFields(container: Ephemeral, at: Path): FieldError[] {
  const set = Object.keys(container).filter((field) => {
    const value: unknown = Reflect.get(container, field);
    return !allowed.has(field) && value !== undefined && !same(value, {}) && !same(value, []);
  });
  const mounts = (container.volumeMounts ?? []).flatMap((mount, index) => (['subPath', 'subPathExpr'] as const)
    .filter((field) => (mount[field] ?? '') !== '').map((field) => forbidden(at.child('volumeMounts').index(index).child(field), refusal)));
  return [...set.map((field) => forbidden(at.child(field), refusal)), ...mounts];
}

export function validateEphemeralUpdate(object: Pod, old: Pod): FieldError[] {
  if (isMirror(old)) return [forbidden(new Path(''), 'static pods do not support ephemeral containers')];
  const now = new Map((object.spec?.ephemeralContainers ?? []).map((container) => [container.name, container]));
  return (old.spec?.ephemeralContainers ?? []).flatMap((container) => {
    const kept = now.get(container.name);
    if (kept !== undefined && same(kept, container)) return [];
    return [forbidden(path, `existing ephemeral containers ${JSON.stringify(container.name)} may not be ${kept === undefined ? 'removed' : 'changed'}\n`)];
  });
}
