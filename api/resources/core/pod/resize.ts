import { Path, forbidden, invalid, type FieldError } from '../../../../machinery/field-path.ts';
import type { Container, Pod } from '../../../../machinery/kinds/core.ts';
import type { Draft } from '../../../../machinery/kinds/wire.ts';
import { isSidecar } from '../../../../machinery/pod/requests.ts';
import { qosClass } from '../../../../machinery/pod/qos.ts';
import { isMirror } from '../../../../machinery/pod/static.ts';
import { same } from '../../immutable.ts';
import { keepMetadata } from './ephemeral.ts';

/** What a running pod's containers may have more or less of. Source: "Resize CPU and memory resources assigned to containers"; wording: Kubernetes' validation. */

const path = new Path('spec');
const mutable = ['cpu', 'memory'];

/** What a write to `pods/resize` changes: what containers ask, and how that may change. */
export function keepAllButResources(draft: Draft<Pod>, old: Pod): void {
  const kept = structuredClone(old) as Draft<Pod>;
  const asked = draft.spec;
  if (kept.spec !== undefined && asked !== undefined) {
    for (const list of ['containers', 'initContainers'] as const) for (const [index, container] of (kept.spec[list] ?? []).entries()) resize(container, asked[list]?.[index]);
    draft.spec = kept.spec;
  }
  keepMetadata(draft, kept);
}

function resize(container: Draft<Container>, asked: Draft<Container> | undefined): void {
  if (asked === undefined || asked.name !== container.name) return;
  if (asked.resources === undefined) delete container.resources;
  else container.resources = asked.resources;
  if (asked.resizePolicy === undefined) delete container.resizePolicy;
  else container.resizePolicy = asked.resizePolicy;
}

export function validateResize(object: Pod, old: Pod): FieldError[] {
  if (isMirror(old)) return [forbidden(new Path(''), 'static pods cannot be resized')];
  const [spec, before] = [object.spec, old.spec];
  if (spec === undefined || before === undefined) return [];
  const errors = spec.containers.flatMap((container, index) => validateAmounts(container, before.containers[index], path.child('containers').index(index).child('resources')));
  for (const [index, container] of (spec.initContainers ?? []).entries()) {
    const was = before.initContainers?.[index];
    const at = path.child('initContainers').index(index).child('resources');
    if (isSidecar(container)) errors.push(...validateAmounts(container, was, at));
    else if (!same(container.resources, was?.resources)) errors.push(forbidden(path.child('initContainers'), 'resources for non-sidecar init containers are immutable'));
  }
  const [now, was] = [qosClass(spec), qosClass(before)];
  return now === was ? errors : [...errors, invalid(path, now, 'Pod QOS Class may not change as a result of resizing')];
}

function validateAmounts({ resources }: Container, old: Container | undefined, at: Path): FieldError[] {
  return (['limits', 'requests'] as const).flatMap((side) => {
    const [now, was] = [resources?.[side] ?? {}, old?.resources?.[side] ?? {}];
    const others = [...new Set([...Object.keys(now), ...Object.keys(was)])].filter((name) => !mutable.includes(name) && now[name] !== was[name]);
    const removed = mutable.filter((name) => was[name] !== undefined && now[name] === undefined);
    return [
      ...(others.length === 0 ? [] : [forbidden(path, 'only cpu and memory resources are mutable')]),
      ...removed.map((name) => forbidden(at.child(side).key(name), `resource ${side} cannot be removed`)),
    ];
  });
}
