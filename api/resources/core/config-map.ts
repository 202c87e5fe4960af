import { Path, forbidden, invalid, tooLong, type FieldError } from '../../../machinery/field-path.ts';
import { ConfigMap } from '../../../machinery/kinds/core.ts';
import { configMapKey } from '../../../machinery/names.ts';
import { count } from '../columns.ts';
import { age, defineResource, name } from '../define.ts';
import { unchanged } from '../immutable.ts';

/** Most bytes that the data of one ConfigMap or Secret may have. */
export const maxDataBytes = 1024 * 1024;

/** Source: "ConfigMaps"; `immutable`. */
export const configMap = defineResource(ConfigMap, {
  shortNames: ['cm'],
  columns: [
    name(),
    count('Data', 'How many keys it has.', (object) => Object.keys(object.data ?? {}).length + Object.keys(object.binaryData ?? {}).length),
    age(),
  ],
  validate(object) {
    const { data = {}, binaryData = {} } = object;
    const errors: FieldError[] = [];
    let bytes = 0;
    for (const [key, value] of Object.entries(data)) {
      errors.push(...configMapKey(key).map((message) => invalid(new Path('data').key(key), key, message)));
      if (Object.hasOwn(binaryData, key)) errors.push(invalid(new Path('data').key(key), key, 'duplicate of key present in binaryData'));
      bytes += Buffer.byteLength(value);
    }
    for (const [key, value] of Object.entries(binaryData)) {
      errors.push(...configMapKey(key).map((message) => invalid(new Path('binaryData').key(key), key, message)));
      bytes += Buffer.byteLength(value, 'base64');
    }
    return bytes > maxDataBytes ? [...errors, tooLong(new Path(), maxDataBytes)] : errors;
  },
  validateUpdate(object, old) {
    if (old.immutable !== true) return [];
    return [
      ...(object.immutable === true ? [] : [forbidden(new Path('immutable'), 'field is immutable when `immutable` is set')]),
      ...unchanged(object, old, ['data', 'binaryData'], () => 'field is immutable when `immutable` is set'),
    ];
  },
});
