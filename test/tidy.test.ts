import { readFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

/** Keeps the house in order: which room may import which, sizes, names. Its list of exceptions may only shrink. */
const root = dirname(import.meta.dirname);

/** The rooms, and what each may import of ours. `*` is everything: the place that wires rooms together, and tests. */
const mayImport: Record<string, readonly string[]> = {
  machinery: [],
  client: ['machinery'],
  api: ['machinery', 'client', 'generated'],
  scheduler: ['machinery', 'client'],
  controller: ['machinery', 'client'],
  native: [],
  'node-agent': ['machinery', 'client', 'native'],
  cli: ['*'],
  test: ['*'],
  bench: ['*'],
};

const tracked = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { cwd: root, encoding: 'utf8' })
  .split('\n')
  .filter((path) => path !== '' && !path.startsWith('node_modules/'));
const sources = tracked.filter((path) => /\.(ts|c|h|mjs)$/.test(path));
const typescript = tracked.filter((path) => path.endsWith('.ts'));

/** Relative imports of a file, as paths from the root. */
function importsOf(path: string, text: string): string[] {
  const found = [...text.matchAll(/(?:from|import)\s+'(\.[^']+)'/g), ...text.matchAll(/import\('(\.[^']+)'\)/g)];
  return found.map((match) => relative(root, resolve(root, dirname(path), match[1] ?? '')));
}

describe('the house', () => {
  it('imports only down-floor', () => {
    const wrong = typescript.flatMap((path) => {
      const room = path.split('/')[0] ?? '';
      const allowed = mayImport[room];
      if (allowed === undefined || allowed.includes('*')) return [];
      return importsOf(path, readFileSync(join(root, path), 'utf8'))
        .filter((target) => target.split('/')[0] !== room && !allowed.includes(target.split('/')[0] ?? ''))
        .map((target) => `${path} imports ${target}`);
    });
    expect(wrong).toEqual([]);
  });

  it('has no file over 500 lines', () => {
    const long = sources.filter((path) => readFileSync(join(root, path), 'utf8').split('\n').length > 501);
    expect(long).toEqual([]);
  });

  it('has no drawer named utils, helpers, common or misc', () => {
    const drawers = tracked.filter((path) => path.split('/').some((part) => /^(utils?|helpers?|common|misc)(\.|$)/.test(part)));
    expect(drawers).toEqual([]);
  });

  it('has no barrel', () => {
    const barrels = typescript.filter((path) => basename(path) === 'index.ts' || /^export \*/m.test(readFileSync(join(root, path), 'utf8')));
    expect(barrels).toEqual([]);
  });

  it('skips no test and puts nothing off', () => {
    const marks = /\b(it|test|describe)\.(skip|todo|only)\b|\b(TODO|FIXME)\b/;
    const wrong = sources.filter((path) => path !== 'test/tidy.test.ts' && marks.test(readFileSync(join(root, path), 'utf8')));
    expect(wrong).toEqual([]);
  });
});
