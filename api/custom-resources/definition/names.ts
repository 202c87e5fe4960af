import { invalid, type FieldError, type Path } from '../../../machinery/field-path.ts';
import type { DefinitionNames } from '../../../machinery/kinds/apiextensions.ts';
import { dns1035Label } from '../../../machinery/names.ts';

/** How the names of a custom resource may be spelled; which must be there is another question. Source: CustomResourceDefinitionNames, apiextensions/v1. */
export function validateNames(names: DefinitionNames, path: Path): FieldError[] {
  const { plural = '', singular = '', kind = '', listKind = '', shortNames = [], categories = [] } = names;
  return [
    ...label(plural, path.child('plural')),
    ...label(singular, path.child('singular')),
    ...kindProblems(kind, path.child('kind')),
    ...kindProblems(listKind, path.child('listKind')),
    ...shortNames.flatMap((one, index) => label(one, path.child('shortNames').index(index), false)),
    ...(kind !== '' && kind === listKind ? [invalid(path.child('listKind'), listKind, 'kind and listKind may not be the same')] : []),
    ...categories.flatMap((one, index) => label(one, path.child('categories').index(index), false)),
  ];
}

function label(value: string, path: Path, mayBeAbsent = true): FieldError[] {
  const messages = value === '' && mayBeAbsent ? [] : dns1035Label(value);
  return messages.length === 0 ? [] : [invalid(path, value, messages.join(','))];
}

function kindProblems(kind: string, path: Path): FieldError[] {
  const messages = kind === '' ? [] : dns1035Label(kind.toLowerCase());
  return messages.length === 0 ? [] : [invalid(path, kind, `may have mixed case, but should otherwise match: ${messages.join(',')}`)];
}
