import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock, type Clock } from '../../machinery/clock.ts';
import type { Pod } from '../../machinery/kinds/core.ts';
import { silentLog } from '../../client/log.ts';
import { readManifests } from './directory.ts';
import { followStaticPods } from './source.ts';

const kernel = vi.hoisted(() => ({ watches: true }));
vi.mock('node:fs', async (original) => {
  const real = await original<typeof import('node:fs')>();
  return {
    ...real,
    watch(...given: Parameters<typeof real.watch>) {
      if (!kernel.watches) throw Object.assign(new Error('ENOSPC: System limit for number of file watchers reached'), { code: 'ENOSPC' });
      return real.watch(...given);
    },
  };
});

/** On real directories: the kernel's events are what is tested. */
let root: string;
let directory: string;
let stop: AbortController;
let following: Promise<void> | undefined;
let warnings: string[];
/** The names of the pods that were desired, with `?` when there is a file whose pod isn't known, as often as they were. */
let desired: string[];
let uids: ReadonlyMap<string, string>;
let heard: PromiseWithResolvers<void>;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'coracle-static-'));
  directory = join(root, 'manifests');
  [stop, following, warnings, desired, uids, heard] = [new AbortController(), undefined, [], [], new Map(), Promise.withResolvers()];
});
afterEach(async () => {
  stop.abort();
  await following;
  kernel.watches = true;
  await rm(root, { recursive: true, force: true });
});

/** What takes long takes a moment. */
const hasty: Clock = { now: systemClock.now, setTimer: (ms, run) => systemClock.setTimer(ms < 10_000 ? ms : 50, run) };

function follow(clock = systemClock): void {
  following = followStaticPods({
    directory, nodeName: 'n', clock, log: silentLog,
    reader: {
      decode: async (bytes, warn) => {
        if (bytes.includes('imagepullpolicy')) warn('unknown field');
        return JSON.parse(bytes.toString()) as Pod;
      }, complete: async (pod) => pod,
    },
    recorder: { record: (about, type, reason, message) => void warnings.push(`${about.kind} ${type} ${reason}: ${message.replace(directory, '.')}`), drain: async () => undefined },
    desire(pods, isComplete) {
      desired.push(`${pods.map(({ metadata }) => metadata?.name).join(' ')}${isComplete ? '' : '?'}`);
      uids = new Map(pods.map(({ metadata }) => [metadata?.name ?? '', metadata?.uid ?? '']));
      heard.resolve();
    },
  }, stop.signal);
}

/** Resolves when so much is desired, by vitest's own deadline. */
async function until(wanted: string, holds: () => boolean = () => true): Promise<void> {
  while (desired.at(-1) !== wanted || !holds()) {
    heard = Promise.withResolvers();
    await heard.promise;
  }
}

const manifest = (name: string, image = 'x'): string => JSON.stringify({ metadata: { name }, spec: { containers: [{ name: 'c', image }] } });
async function put(file: string, content: string): Promise<void> {
  await writeFile(join(directory, `.${file}`), content);
  await rename(join(directory, `.${file}`), join(directory, file));
}

describe('a directory of manifests', () => {
  it('is read at first, and followed: what comes, changes and goes', async () => {
    await mkdir(directory);
    await put('web.json', manifest('web'));
    follow();
    await until('web-n');
    const before = uids.get('web-n');
    await put('db.yaml', manifest('db'));
    await until('web-n db-n');
    expect(uids.get('web-n')).toBe(before);
    await put('web.json', manifest('web', 'y'));
    await until('web-n db-n', () => uids.get('web-n') !== before);
    await rm(join(directory, 'db.yaml'));
    await until('web-n');
    expect(warnings).toEqual([]);
  });

  it('need not be there, may be moved away, and made again', async () => {
    follow();
    await until('');
    await mkdir(directory, { recursive: true });
    await put('web.json', manifest('web'));
    await until('web-n');
    await rename(directory, join(root, 'elsewhere'));
    await until('');
    await mkdir(directory);
    await put('db.json', manifest('db'));
    await until('db-n');
    await rm(directory, { recursive: true });
    await until('');
  });

  it('may be deep in what is not there either', async () => {
    directory = join(root, 'a/b/manifests');
    follow();
    await until('');
    await mkdir(join(root, 'a'));
    await mkdir(join(root, 'a/b'));
    await mkdir(directory);
    await put('web.json', manifest('web'));
    await until('web-n');
    await rename(join(root, 'a/b'), join(root, 'a/c'));
    await until('');
    await rename(join(root, 'a/c'), join(root, 'a/b'));
    await until('web-n');
    await rm(join(root, 'a'), { recursive: true });
    await until('');
  });

  it('is let go at any moment', async () => {
    await mkdir(directory);
    for (let turns = 0; turns < 40; turns++) {
      [stop, following] = [new AbortController(), undefined];
      follow();
      for (let i = 0; i < turns; i++) await new Promise((resolve) => void setImmediate(resolve));
      stop.abort();
      await following;
    }
  });

  it('is looked at again where the kernel tells nothing: a link\'s target has changed, what it is in was moved', async () => {
    directory = join(root, 'outer/inner/manifests');
    await mkdir(directory, { recursive: true });
    await writeFile(join(root, 'linked'), manifest('before'));
    await symlink(join(root, 'linked'), join(directory, 'linked.yaml'));
    follow(hasty);
    await until('before-n');
    await writeFile(join(root, 'linked'), manifest('after'));
    await until('after-n');
    await rename(join(root, 'outer'), join(root, 'elsewhere'));
    await until('');
    await mkdir(directory, { recursive: true });
    await put('web.json', manifest('web'));
    await until('web-n');
  });

  it('is read also when the kernel watches no more', async () => {
    kernel.watches = false;
    await mkdir(directory);
    await put('web.json', manifest('web'));
    follow(hasty);
    await until('web-n');
    await put('db.json', manifest('db'));
    await until('web-n db-n');
    expect(warnings).toContain('Node Warning FailedValidation: Error reading static pod manifest ., ignoring: ENOSPC: System limit for number of file watchers reached');
  });

  it('has hidden files, others, and links', async () => {
    await mkdir(join(directory, 'inner.yaml'), { recursive: true });
    for (const name of ['.hidden.yaml', 'web.yaml~', 'web.yaml.bak', 'README.md']) await writeFile(join(directory, name), manifest('no'));
    await writeFile(join(root, 'linked'), manifest('linked'));
    await symlink(join(root, 'linked'), join(directory, 'linked.yml'));
    await symlink(join(root, 'nowhere'), join(directory, 'dangling.yml'));
    execFileSync('mkfifo', [join(directory, 'pipe.yaml')]);
    const found = await readManifests(directory);
    expect([...found].map(([name, content]) => [name, 'problem' in content ? content.problem : content.bytes.toString()])).toEqual([
      ['inner.yaml', 'it is no file'], ['linked.yml', manifest('linked')], ['pipe.yaml', 'it is no file'],
    ]);
  });
});

describe('a manifest', () => {
  beforeEach(async () => {
    await mkdir(directory);
    await put('good.json', manifest('good'));
  });

  it('that has a slip in it is run, and the slip told once', async () => {
    await put('slip.json', JSON.stringify({ metadata: { name: 'slip' }, spec: { containers: [{ name: 'c', image: 'x', imagepullpolicy: 'Never' }] } }));
    follow();
    await until('good-n slip-n');
    await put('more.json', manifest('more'));
    await until('good-n slip-n more-n');
    expect(warnings).toEqual(['Node Warning FailedValidation: Static pod manifest ./slip.json: not all of it is used: unknown field']);
  });

  it('that is no good is one warning, and hurts no other', async () => {
    await put('bad.json', '{');
    follow();
    await until('good-n?');
    await put('more.json', manifest('more'));
    await until('good-n more-n?');
    expect(warnings).toEqual([expect.stringMatching(/^Node Warning FailedValidation: Error reading static pod manifest \.\/bad\.json, ignoring: .*JSON/)]);
    await rm(join(directory, 'bad.json'));
    await until('good-n more-n');
    expect(warnings).toHaveLength(1);
  });

  it('that becomes bad ends nothing, and counts again when it is mended', async () => {
    follow();
    await until('good-n');
    await put('good.json', '{');
    await until('good-n?');
    await put('good.json', manifest('better'));
    await until('better-n');
    expect(warnings).toHaveLength(1);
  });

  it('of a name that another has waits for that one to go', async () => {
    await put('later.json', manifest('later'));
    follow();
    await until('good-n later-n');
    const before = uids.get('later-n');
    await put('a-twin.json', manifest('later', 'y'));
    await put('last.json', manifest('last'));
    await until('good-n later-n last-n');
    expect(uids.get('later-n')).toBe(before);
    expect(warnings).toEqual(['Node Warning FailedValidation: Error reading static pod manifest ./a-twin.json, ignoring: pod default/later-n is in later.json already']);
    await rm(join(directory, 'later.json'));
    await until('good-n later-n last-n', () => uids.get('later-n') !== before);
  });
});
