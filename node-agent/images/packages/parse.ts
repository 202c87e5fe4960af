import type { Ecosystem } from './versions.ts';

/** A package that an image holds. */
export interface Package {
  readonly ecosystem: Ecosystem;
  readonly name: string;
  readonly version: string;
  /** What it was built from, when that has another name: advisories speak of it. */
  readonly source?: string;
}

/** dpkg's status file, or one of the files in status.d that images without dpkg have. Source: deb-control(5). */
export function parseDebianStatus(text: string): readonly Package[] {
  return text.split(/\n[ \t]*\n/).flatMap((paragraph) => {
    const { Package: name, Version: version, Status: status, Source: source } = fieldsOf(paragraph, /^([A-Za-z-]+):[ \t]*(.*)$/gm);
    // In every other state there are files of it. Source: dpkg(1), package states.
    const isInstalled = status === undefined || !/ (?:not-installed|config-files)$/.test(status.trimEnd());
    // A source of another version: `openssl (3.0.11-1)`.
    return name === undefined || version === undefined || !isInstalled ? [] : [packageOf('deb', name, version, source?.replace(/\s*\(.*$/, ''))];
  });
}

/** apk's database. Source: apk's installed-db format. */
export function parseAlpineInstalled(text: string): readonly Package[] {
  return text.split(/\n\n+/).flatMap((paragraph) => {
    const { P: name, V: version, o: source } = fieldsOf(paragraph, /^([A-Za-z]):(.*)$/gm);
    return name === undefined || version === undefined ? [] : [packageOf('apk', name, version, source)];
  });
}

/** A package.json below a node_modules; undefined for one that names no package. */
export function parseNpmPackage(text: string): Package | undefined {
  try {
    const { name, version } = Object(JSON.parse(text)) as Partial<Record<string, unknown>>;
    return typeof name === 'string' && typeof version === 'string' ? packageOf('npm', name, version) : undefined;
  } catch {
    // Tests of packages hold such files on purpose.
    return undefined;
  }
}

function packageOf(ecosystem: Ecosystem, name: string, version: string, source?: string): Package {
  const [shortName, shortVersion, from] = [name.trim(), version.trim(), source?.trim()];
  return { ecosystem, name: shortName, version: shortVersion, ...(from === undefined || from === '' || from === shortName ? {} : { source: from }) };
}

/** The first of each name. */
function fieldsOf(paragraph: string, pattern: RegExp): Readonly<Partial<Record<string, string>>> {
  return Object.fromEntries([...paragraph.matchAll(pattern)].map((match): [string, string] => [match[1] ?? '', match[2] ?? '']).toReversed());
}
