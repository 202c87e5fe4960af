import { duplicate, invalid, required, tooLong, tooMany, type FieldError, type Path } from '../../../machinery/field-path.ts';
import { dns1123Label, dns1123Subdomain, qualifiedName } from '../../../machinery/names.ts';
import { faults } from '../checks.ts';
import { validateDriverName } from '../storage/names.ts';

/** How devices and what belongs to them are named. Source: "Dynamic resource allocation"; wording: Kubernetes' validation. */

const maxPoolName = 253;
const maxIdentifier = 32;
const identifier = '[A-Za-z_][A-Za-z0-9_]*';
const isIdentifier = new RegExp(`^${identifier}$`);

export function validatePool(pool: string | undefined, path: Path): FieldError[] {
  const name = pool ?? '';
  if (name === '') return [required(path)];
  return [
    ...(Buffer.byteLength(name) > maxPoolName ? [tooLong(path, maxPoolName)] : []),
    ...name.split('/').flatMap((part) => faults(path, part, dns1123Subdomain(part))),
  ];
}

/** `name`, or `domain/name`: an attribute's or a capacity's. */
export function validateAttributeName(name: string, path: Path): FieldError[] {
  const parts = name.split('/');
  if (parts.length === 1) return validateIdentifier(name, path);
  if (parts.length > 2) return [];
  const [domain = '', own = ''] = parts;
  return [
    ...(domain === '' ? [invalid(path, '', 'the domain must not be empty')] : validateDriverName(domain, path)),
    ...(own === '' ? [invalid(path, '', 'the name must not be empty')] : validateIdentifier(own, path)),
  ];
}

export function validateFullAttributeName(name: string, path: Path): FieldError[] {
  return [
    ...validateAttributeName(name, path),
    ...(name.includes('/') ? [] : [invalid(path, name, 'a fully qualified name must be a domain and a name separated by a slash')]),
  ];
}

function validateIdentifier(name: string, path: Path): FieldError[] {
  return [
    ...(Buffer.byteLength(name) > maxIdentifier ? [tooLong(path, maxIdentifier)] : []),
    ...(isIdentifier.test(name) ? []
      : [invalid(path, name, `a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName', regex used for validation is '${identifier}')`)]),
  ];
}

export function validateLabelName(name: string, path: Path): FieldError[] {
  return faults(path, name, qualifiedName(name));
}

export function validateLabelled(name: string | undefined, path: Path): FieldError[] {
  return name === undefined || name === '' ? [required(path)] : faults(path, name, dns1123Label(name));
}

/** At most `max` items, each well: what is too long is not looked at further. */
export function bounded<T>(items: readonly T[] | undefined, max: number, path: Path, check: (item: T, path: Path) => FieldError[]): FieldError[] {
  const list = items ?? [];
  return list.length > max ? [tooMany(path, list.length, max)] : list.flatMap((item, index) => check(item, path.index(index)));
}

/** `bounded`, and no two of one key. */
export function boundedSet<T>(items: readonly T[] | undefined, max: number, path: Path, key: (item: T) => string, check: (item: T, path: Path) => FieldError[]): FieldError[] {
  const list = items ?? [];
  const keys = list.map(key);
  const errors = bounded(list, max, path, check);
  return list.length > max ? errors : [...errors, ...keys.flatMap((one, index) => (keys.indexOf(one) < index ? [duplicate(path.index(index), one)] : []))];
}

/** The conditions by which a device says that it can be bound, and that it cannot. */
export function validateBinding(conditions: readonly string[] | undefined, failures: readonly string[] | undefined, path: Path): FieldError[] {
  const [good, bad] = [conditions ?? [], failures ?? []];
  const [first, second] = [path.child('bindingConditions'), path.child('bindingFailureConditions')];
  return [
    ...bounded(good, 4, first, validateLabelName),
    ...bounded(bad, 4, second, validateLabelName),
    ...good.flatMap((one, index) => (good.indexOf(one) < index ? [duplicate(first.index(index), one)] : [])),
    ...bad.flatMap((one, index) => [
      ...(bad.indexOf(one) < index ? [duplicate(second.index(index), one)] : []),
      ...(good.includes(one) ? [invalid(second.index(index), one, 'bindingFailureConditions must not overlap with bindingConditions')] : []),
    ]),
    ...(good.length === 0 && bad.length > 0 ? [invalid(first, conditions, 'bindingConditions are required to use bindingFailureConditions')] : []),
    ...(bad.length === 0 && good.length > 0 ? [invalid(second, failures, 'bindingFailureConditions are required to use bindingConditions')] : []),
  ];
}
