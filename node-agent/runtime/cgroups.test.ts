import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseLayout, readUsage, slotPaths } from './cgroups.ts';

const line = (mount: string, type: string, options: string): string => `30 20 0:29 / ${mount} rw,relatime shared:9 - ${type} ${type} ${options}`;

describe('a machine\'s cgroups', () => {
  it('are v2 when only that is mounted, with the controllers that there are', () => {
    expect(parseLayout(line('/sys/fs/cgroup', 'cgroup2', 'rw,nsdelegate'), 'cpuset cpu io memory pids misc\n')).toEqual({
      version: 2, hierarchies: [{ controllers: ['cpu', 'memory', 'pids'], mount: '/sys/fs/cgroup' }], others: [],
    });
    expect(parseLayout(line('/sys/fs/cgroup', 'cgroup2', 'rw'), 'cpuset cpu pids\n', ['cpuset']).hierarchies[0]?.controllers).toEqual(['cpuset', 'cpu', 'pids']);
    expect(parseLayout(line('/sys/fs/cgroup', 'cgroup2', 'rw'), 'cpu hugetlb pids\n', ['hugetlb']).hierarchies[0]?.controllers).toEqual(['cpu', 'hugetlb', 'pids']);
    expect(parseLayout(line('/sys/fs/cgroup', 'cgroup2', 'rw'), 'cpu pids\n').hierarchies[0]?.controllers).toEqual(['cpu', 'pids']);
  });

  it('are v1 where any controller of ours is, with the hierarchies that count', () => {
    const mountinfo = [
      line('/sys/fs/cgroup/unified', 'cgroup2', 'rw'), line('/sys/fs/cgroup/systemd', 'cgroup', 'rw,name=systemd'), line('/sys/fs/cgroup/cpu,cpuacct', 'cgroup', 'rw,cpu,cpuacct'),
      line('/sys/fs/cgroup/memory', 'cgroup', 'rw,memory'), line('/mnt/again', 'cgroup', 'rw,memory'), line('/sys/fs/cgroup/freezer', 'cgroup', 'rw,freezer'),
      line('/sys/fs/cgroup/pids', 'cgroup', 'rw,pids'), line('/sys/fs/cgroup/cpuset', 'cgroup', 'rw,cpuset'),
    ].join('\n');
    const layout = parseLayout(mountinfo, '');
    // What assigns no processors leaves their hierarchy alone, but for what another agent has put there.
    expect(parseLayout(mountinfo, '', ['cpuset'])).toEqual({ version: 1, hierarchies: [...layout.hierarchies, ...layout.others], others: [] });
    expect(layout).toEqual({
      version: 1, others: [{ controllers: ['cpuset'], mount: '/sys/fs/cgroup/cpuset' }],
      hierarchies: [
        { controllers: ['cpu', 'cpuacct'], mount: '/sys/fs/cgroup/cpu,cpuacct' }, { controllers: ['memory'], mount: '/sys/fs/cgroup/memory' },
        { controllers: ['pids'], mount: '/sys/fs/cgroup/pids' },
      ],
    });
  });

  it('are found in the hierarchy of devices too, where runtime handlers make them', () => {
    const layout = parseLayout([line('/sys/fs/cgroup/memory', 'cgroup', 'rw,memory'), line('/sys/fs/cgroup/devices', 'cgroup', 'rw,devices')].join('\n'), '');
    expect(layout).toEqual({ version: 1, hierarchies: [{ controllers: ['memory'], mount: '/sys/fs/cgroup/memory' }], others: [{ controllers: ['devices'], mount: '/sys/fs/cgroup/devices' }] });
    expect(slotPaths(layout, 'i', 'k')).toEqual(['/sys/fs/cgroup/memory/coracle-i/k', '/sys/fs/cgroup/devices/coracle-i/k']);
  });

  it('are asked for when there are none', () => {
    expect(() => parseLayout(line('/', 'ext4', 'rw'), '')).toThrow('mount cgroup2');
  });
});

describe('what a cgroup uses', () => {
  const same = { cpuNanos: 5_000_000, cpuPeriods: 9, throttledPeriods: 4, throttledNanos: 3_000_000, memoryBytes: 900, memoryUsageBytes: 1000, rssBytes: 600, cacheBytes: 300, swapBytes: 50, pageFaults: 7, majorPageFaults: 2, pids: 3 };
  const v1 = {
    'cpuacct.usage': '5000000\n', 'cpu.stat': 'nr_periods 9\nnr_throttled 4\nthrottled_time 3000000\n', 'memory.usage_in_bytes': '1000\n', 'pids.current': '4\n',
    'memory.stat': 'cache 1\nrss 1\ntotal_cache 300\ntotal_rss 600\ntotal_swap 50\ntotal_pgfault 7\ntotal_pgmajfault 2\ntotal_inactive_file 100\n',
  };
  const v2 = {
    'cpu.stat': 'usage_usec 5000\nuser_usec 1\nnr_periods 9\nnr_throttled 4\nthrottled_usec 3000\n', 'memory.current': '1000\n', 'pids.current': '4\n', 'memory.swap.current': '50\n',
    'memory.stat': 'anon 600\nfile 300\ninactive_file 100\npgfault 7\npgmajfault 2\n',
  };

  it.each([
    ['v1 without a limit', 1, { ...v1, 'memory.limit_in_bytes': '9223372036854771712\n' }, same],
    ['v1 with one', 1, { ...v1, 'memory.limit_in_bytes': '2000\n' }, { ...same, memoryLimitBytes: 2000 }],
    ['v2 without a limit', 2, { ...v2, 'memory.max': 'max\n' }, same],
    ['v2 with one', 2, { ...v2, 'memory.max': '2000\n' }, { ...same, memoryLimitBytes: 2000 }],
  ] as const)('is the same in both versions: %s', async (_name, version, files, usage) => {
    const directory = await mkdtemp(join(tmpdir(), 'coracle-cgroup-'));
    try {
      await mkdir(join(directory, 'c0'));
      for (const [name, text] of Object.entries(files)) await writeFile(join(directory, 'c0', name), text);
      const controllers = ['cpu', 'cpuacct', 'memory', 'pids'];
      expect(await readUsage({ version, hierarchies: [{ controllers, mount: '/' }], others: [] }, [directory], 'c0', 1)).toEqual(usage);
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});
