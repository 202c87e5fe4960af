import { invalid, required, type FieldError, type Path } from '../../../machinery/field-path.ts';
import type { DefinitionNames } from '../../../machinery/kinds/apiextensions.ts';
import { dns1035Label } from '../../../machinery/names.ts';

/** How the names of a custom resource may be spelled. Source: CustomResourceDefinitionNames, apiextensions/v1. */
export function validateNames(names: DefinitionNames, path: Path): FieldError[] {
  const { plural = '', singular = '', kind = '', listKind = '', shortNames = [], categories = [] } = names;
  return [
    ...(plural === '' ? [required(path.child('plural'))] : label(plural, path.child('plural'))),
    ...(singular === '' ? [] : label(singular, path.child('singular'))),
    ...(kind === '' ? [required(path.child('kind'))] : kindProblems(kind, path.child('kind'))),
    ...(listKind === '' ? [] : kindProblems(listKind, path.child('listKind'))),
    ...(kind !== '' && kind === listKind ? [invalid(path.child('listKind'), listKind, 'kind and listKind may not be the same')] : []),
    ...shortNames.flatMap((one, index) => label(one, path.child('shortNames').index(index))),
    ...categories.flatMap((one, index) => label(one, path.child('categories').index(index))),
  ];
}

function label(value: string, path: Path): FieldError[] {
  return dns1035Label(value).map((message) => invalid(path, value, message));
}

function kindProblems(kind: string, path: Path): FieldError[] {
  return dns1035Label(kind.toLowerCase()).map((message) => invalid(path, kind, `may have mixed case, but should otherwise match: ${message}`));
}
