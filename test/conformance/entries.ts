/** Tables of entries of Kubernetes' conformance list, a line each: `name => file of ours, or why there is none`. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Entry {
  readonly codename: string;
  readonly where: string;
}

/** `table`: a file beside this one. */
export function readEntries(table: string): readonly Entry[] {
  const lines = readFileSync(join(import.meta.dirname, table), 'utf8').split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return lines.map((line) => {
    const [codename = '', where = ''] = line.split(' => ', 2);
    return { codename, where };
  });
}

/** The files that a table names. */
export function filesOf(entries: readonly Entry[]): readonly string[] {
  return [...new Set(entries.map(({ where }) => where).filter((where) => where.startsWith('test/')))];
}

/** The entries that a table gives to a file which has no test of that title. */
export function missingFrom(file: string, entries: readonly Entry[]): readonly string[] {
  const source = readFileSync(join(import.meta.dirname, '../..', file), 'utf8');
  const isThere = (title: string): boolean => source.includes(`'${title.replaceAll("'", String.raw`\'`)}'`) || source.includes(`"${title}"`);
  return entries.filter(({ codename, where }) => where === file && !isThere(titleOf(codename))).map(({ codename }) => codename);
}

/** What stands between the group and `[Conformance]`: the title of our test. */
function titleOf(codename: string): string {
  return codename.replace(/^\[sig-[a-z-]+\] /, '').replace(' [Conformance]', '');
}
