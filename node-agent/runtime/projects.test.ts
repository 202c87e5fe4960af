import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLog } from '../../client/log.ts';
import type { LimitRequest } from '../../native/host.ts';
import { createProjects, endLimits, firstProject, type Projects } from './projects.ts';

let dataDir: string;
/** The file system's limits, and what others than this node have on it. */
let limits: Map<number, number>;
const others = new Set<number>();
let given: Map<string, number>;
let refusal: Error | undefined;
let dies: boolean;

const host = {
  checkQuota: async () => {
    if (refusal !== undefined) throw refusal;
  },
  async limitProject({ directory, gives, project, bytes }: LimitRequest) {
    if (bytes === 0) return limits.delete(project) || true;
    const isIts = gives && given.get(directory) === project;
    if (!isIts && (limits.has(project) || others.has(project))) return false;
    limits.set(project, bytes);
    if (dies) throw new Error('coracle-host ended');
    if (gives) given.set(directory, project);
    return true;
  },
};

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'coracle-projects-'));
  limits = new Map();
  given = new Map();
  others.clear();
  refusal = undefined;
  dies = false;
});
afterEach(() => rm(dataDir, { recursive: true }));

async function agent(start = 0): Promise<Projects> {
  const projects = createProjects({ dataDir, host, log: silentLog, start });
  await projects.recover();
  return projects;
}
const volume = async (name: string): Promise<string> => {
  const directory = join(dataDir, 'pods', name);
  await mkdir(directory, { recursive: true });
  return directory;
};
const recorded = (): Promise<readonly string[]> => readdir(join(dataDir, 'projects'));

describe('projects', () => {
  it('are one for each directory, and end with it', async () => {
    const projects = await agent();
    const [a, b] = [await volume('a'), await volume('b')];
    expect([await projects.limit(a, 100, { isThere: true }), await projects.limit(b, 200, { isThere: true })]).toEqual([firstProject, firstProject + 1]);
    expect([[...limits], given.get(a), given.get(b)]).toEqual([[[firstProject, 100], [firstProject + 1, 200]], firstProject, firstProject + 1]);
    expect(await projects.limit(a, 100, { isThere: true })).toBe(firstProject);
    await projects.release(a);
    expect([[...limits.keys()], await recorded()]).toEqual([[firstProject + 1], [String(firstProject + 1)]]);
  });

  it('of all that was below a directory end with it, and no neighbour\'s', async () => {
    const projects = await agent();
    for (const name of ['pod/volumes/a', 'pod/sandbox/c/x', 'pod-2/a']) await projects.limit(join(dataDir, 'pods', name), 1, { isThere: false });
    await projects.release(join(dataDir, 'pods/pod'));
    expect([...limits.keys()]).toEqual([firstProject + 2]);
  });

  it('that others on the file system have are left to them', async () => {
    others.add(firstProject).add(firstProject + 1);
    const projects = await agent();
    expect(await projects.limit(await volume('a'), 1, { isThere: true })).toBe(firstProject + 2);
    expect(await recorded()).toEqual([String(firstProject + 2)]);
  });

  it('are known to the next agent, which hands out none of them and ends those of what has gone meanwhile', async () => {
    const [kept, gone] = [await volume('kept'), await volume('gone')];
    const before = await agent();
    await before.limit(kept, 1, { isThere: true });
    await before.limit(gone, 1, { isThere: true });
    await writeFile(join(kept, 'file'), 'x');
    await rm(gone, { recursive: true });
    const after = await agent();
    expect([...limits.keys()]).toEqual([firstProject]);
    expect([await after.limit(kept, 1, { isThere: true }), await after.limit(await volume('new'), 1, { isThere: true })]).toEqual([firstProject, firstProject + 1]);
  });

  it('are begun anew for a directory whose first try got no further than the limit', async () => {
    const directory = await volume('a');
    const projects = await agent();
    dies = true;
    await expect(projects.limit(directory, 1, { isThere: true })).rejects.toThrow('ended');
    dies = false;
    expect(await projects.limit(directory, 1, { isThere: true })).toBe(given.get(directory));
    expect([[...limits.keys()], await recorded()]).toEqual([[given.get(directory)], [String(given.get(directory))]]);
  });

  it('are not given to a directory that has something in it already', async () => {
    const directory = await volume('old');
    await writeFile(join(directory, 'file'), 'x');
    expect([await (await agent()).limit(directory, 1, { isThere: true }), limits.size]).toEqual([undefined, 0]);
  });

  it('are not used where the file system keeps none to limits', async () => {
    refusal = new Error('no quota');
    const projects = await agent();
    expect([projects.areLimited(), await projects.limit(await volume('a'), 1, { isThere: true })]).toEqual([false, undefined]);
    expect(await readdir(dataDir)).toEqual(['pods']);
  });

  it('end where no agent is any more', async () => {
    const projects = await agent(0.5);
    await projects.limit(await volume('a'), 1, { isThere: true });
    await rm(join(dataDir, 'pods'), { recursive: true });
    await endLimits(host, dataDir, () => undefined);
    expect([limits.size, await recorded()]).toEqual([0, []]);
  });
});
