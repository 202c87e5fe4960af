import { chmod, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newInstance, openDataDir, readIdentity, requireUnchanged } from './data-dir.ts';

let directory = '';
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'coracle-data-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

describe('a data directory', () => {
  it('keeps the identity that it got when it was made', async () => {
    const made = await openDataDir(join(directory, 'new'), 'up', () => ({ clusterCidr: '10.42.0.0/16' }));
    expect(made.identity).toMatchObject({ role: 'up', clusterCidr: '10.42.0.0/16' });
    const again = await openDataDir(made.path, 'up', () => expect.unreachable('it has an identity'));
    expect(again.identity).toEqual(made.identity);
    expect((await stat(made.path)).mode & 0o777).toBe(0o700);
  });

  it('is refused to a start that wants what it fixed otherwise', async () => {
    const made = await openDataDir(directory, 'up', () => ({ nodeName: 'a' }));
    requireUnchanged(made, 'nodeName', '--node-name', 'a');
    requireUnchanged(made, 'nodeName', '--node-name', undefined);
    expect(() => requireUnchanged(made, 'nodeName', '--node-name', 'b')).toThrow('was made with --node-name a, not b');
  });

  it('is refused to another role', async () => {
    await openDataDir(directory, 'agent', () => ({}));
    await expect(openDataDir(directory, 'up', () => ({}))).rejects.toThrow("belongs to 'coracle agent'");
  });

  it.each([
    ['is no JSON', '{', 'is damaged'],
    ['has no instance', '{"format":1,"role":"up"}', 'is damaged'],
    ['has an instance that is none', '{"format":1,"role":"up","instance":"../etc"}', 'is damaged'],
    ['was written by a newer version', '{"format":2,"role":"up","instance":"abcdef"}', 'newer Coracle'],
  ])('says what is wrong when its identity %s', async (_name, text, message) => {
    await writeFile(join(directory, 'cluster.json'), text);
    await expect(readIdentity(directory)).rejects.toThrow(message);
  });

  it.each([['where the kernel makes none', '/proc/coracle'], ['below a file', '/etc/passwd/coracle']])('can\'t be made %s, and says so', async (_name, path) => {
    await expect(openDataDir(path, 'up', () => ({}))).rejects.toThrow(`cannot make the data directory ${path}`);
  });

  it('is made with its parents', async () => {
    const made = await openDataDir(join(directory, 'a/b/c'), 'up', () => ({}));
    expect((await stat(made.path)).isDirectory()).toBe(true);
  });

  it('is never a directory that holds something else, which keeps its mode', async () => {
    await chmod(directory, 0o755);
    await writeFile(join(directory, 'thesis.tex'), '');
    await expect(openDataDir(directory, 'up', () => ({}))).rejects.toThrow(`${directory} holds other files (thesis.tex)`);
    expect((await stat(directory)).mode & 0o777).toBe(0o755);
  });

  it.each(['coracle.out', 'cluster.json.0123abcd.tmp', 'lost+found'])('may hold %s before its first start', async (name) => {
    await writeFile(join(directory, name), '');
    expect((await openDataDir(directory, 'up', () => ({}))).identity.role).toBe('up');
  });

  it('is none where there is no identity', async () => {
    expect(await readIdentity(join(directory, 'absent'))).toBeUndefined();
  });
});

describe('newInstance', () => {
  it('is a name that cgroups, network devices and nftables all take', () => {
    for (let draw = 0; draw < 100; draw++) expect(newInstance()).toMatch(/^[a-z][a-z0-9]{5}$/);
  });
});
