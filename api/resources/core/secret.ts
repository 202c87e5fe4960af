import { accountNameAnnotation, accountTokenType } from '../../../machinery/account-token-secret.ts';
import { Path, forbidden, invalid, required, tooLong, type FieldError } from '../../../machinery/field-path.ts';
import { Secret } from '../../../machinery/kinds/core.ts';
import { configMapKey } from '../../../machinery/names.ts';
import { count, text } from '../columns.ts';
import { age, defineResource, name } from '../define.ts';
import { immutable, unchanged } from '../immutable.ts';
import { maxDataBytes } from './config-map.ts';

/** Keys that a secret of a known type must have. Source: "Secrets", types. */
const requiredKeys: Readonly<Record<string, readonly string[]>> = {
  'kubernetes.io/dockercfg': ['.dockercfg'],
  'kubernetes.io/dockerconfigjson': ['.dockerconfigjson'],
  'kubernetes.io/ssh-auth': ['ssh-privatekey'],
  'kubernetes.io/tls': ['tls.crt', 'tls.key'],
};
const basicAuth = 'kubernetes.io/basic-auth';
const dockerTypes: readonly string[] = ['kubernetes.io/dockercfg', 'kubernetes.io/dockerconfigjson'];

/** Source: "Secrets". */
export const secret = defineResource(Secret, {
  fields: { type: (object) => object.type ?? '' },
  columns: [
    name(), text('Type', 'What the data is for.', (object) => object.type ?? ''), count('Data', 'How many keys it has.', (object) => Object.keys(object.data ?? {}).length), age(),
  ],
  defaults(draft) {
    draft.type ??= 'Opaque';
    if (draft.stringData !== undefined) {
      draft.data = { ...draft.data };
      for (const [key, value] of Object.entries(draft.stringData)) {
        Object.defineProperty(draft.data, key, { value: Buffer.from(value).toString('base64'), enumerable: true, configurable: true, writable: true });
      }
      delete draft.stringData;
    }
  },
  validate: (object) => [...validateData(object.data ?? {}), ...validateType(object)],
  validateUpdate(object, old) {
    const errors = immutable(object.type, old.type, new Path('type'));
    if (old.immutable !== true) return errors;
    return [
      ...errors,
      ...(object.immutable === true ? [] : [forbidden(new Path('immutable'), 'field is immutable when `immutable` is set')]),
      ...unchanged(object, old, ['data'], () => 'field is immutable when `immutable` is set'),
    ];
  },
});

function validateData(data: Readonly<Record<string, string>>): FieldError[] {
  const path = new Path('data');
  const errors = Object.keys(data).flatMap((key) => configMapKey(key).map((message) => invalid(path.key(key), key, message)));
  const bytes = Object.values(data).reduce((sum, value) => sum + Buffer.byteLength(value, 'base64'), 0);
  return bytes > maxDataBytes ? [...errors, tooLong(path, maxDataBytes)] : errors;
}

function validateType(object: Secret): FieldError[] {
  const { type = '', data = {} } = object;
  const path = new Path('data');
  if (type === accountTokenType) {
    const account = object.metadata?.annotations?.[accountNameAnnotation] ?? '';
    return account === '' ? [required(new Path('metadata.annotations').key(accountNameAnnotation))] : [];
  }
  if (type === basicAuth) {
    if (Object.hasOwn(data, 'username') || Object.hasOwn(data, 'password')) return [];
    return ['username', 'password'].map((key) => required(path.key(key)));
  }
  const missing = (requiredKeys[type] ?? []).filter((key) => !Object.hasOwn(data, key)).map((key) => required(path.key(key)));
  return missing.length > 0 || !dockerTypes.includes(type) ? missing : validateJson(data, requiredKeys[type]?.[0] ?? '');
}

function validateJson(data: Readonly<Record<string, string>>, key: string): FieldError[] {
  if (isJsonObject(Buffer.from(data[key] ?? '', 'base64').toString())) return [];
  return [invalid(new Path('data').key(key), '<secret contents redacted>', 'must be a JSON object')];
}

/** Why a text is none isn't said: a parser's message quotes what it read. */
function isJsonObject(json: string): boolean {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}
