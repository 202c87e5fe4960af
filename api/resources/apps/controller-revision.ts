import { Path, required } from '../../../machinery/field-path.ts';
import { ControllerRevision } from '../../../machinery/kinds/apps.ts';
import { controllerOf } from '../../../machinery/owner-references.ts';
import { notNegative } from '../checks.ts';
import { count, none, text } from '../columns.ts';
import { age, defineResource, name } from '../define.ts';
import { immutable } from '../immutable.ts';

/** `statefulset.apps/web`. */
function controller({ metadata }: ControllerRevision): string {
  const owner = controllerOf(metadata);
  if (owner === undefined) return none;
  const [group = '', version] = owner.apiVersion.split('/');
  return `${owner.kind.toLowerCase()}${version === undefined ? '' : `.${group}`}/${owner.name}`;
}

/** Source: "ControllerRevision", apps/v1: a state that a set once had. */
export const controllerRevision = defineResource(ControllerRevision, {
  columns: [
    name(),
    text('Controller', 'Whose state it is.', controller),
    count('Revision', 'Its place among the states.', (object) => object.revision ?? 0),
    age(),
  ],
  validate: (object) => [
    ...(object.data === undefined || object.data === null ? [required(new Path('data'), 'data is mandatory')] : []),
    ...notNegative(new Path('revision'), object.revision),
  ],
  validateUpdate: (object, old) => immutable(object.data, old.data, new Path('data')),
});
