import { describe, expect, it } from 'vitest';
import { parseLayout } from './cgroups.ts';

const line = (mount: string, type: string, options: string): string => `30 20 0:29 / ${mount} rw,relatime shared:9 - ${type} ${type} ${options}`;

describe('a machine\'s cgroups', () => {
  it('are v2 when only that is mounted', () => {
    expect(parseLayout(line('/sys/fs/cgroup', 'cgroup2', 'rw,nsdelegate'))).toEqual({
      version: 2, hierarchies: [{ controllers: ['cpu', 'cpuacct', 'memory', 'pids'], mount: '/sys/fs/cgroup' }],
    });
  });

  it('are v1 where any controller of ours is, with the hierarchies that count', () => {
    const mountinfo = [
      line('/sys/fs/cgroup/unified', 'cgroup2', 'rw'), line('/sys/fs/cgroup/systemd', 'cgroup', 'rw,name=systemd'), line('/sys/fs/cgroup/cpu,cpuacct', 'cgroup', 'rw,cpu,cpuacct'),
      line('/sys/fs/cgroup/memory', 'cgroup', 'rw,memory'), line('/mnt/again', 'cgroup', 'rw,memory'), line('/sys/fs/cgroup/freezer', 'cgroup', 'rw,freezer'),
      line('/sys/fs/cgroup/pids', 'cgroup', 'rw,pids'),
    ].join('\n');
    expect(parseLayout(mountinfo)).toEqual({
      version: 1,
      hierarchies: [
        { controllers: ['cpu', 'cpuacct'], mount: '/sys/fs/cgroup/cpu,cpuacct' }, { controllers: ['memory'], mount: '/sys/fs/cgroup/memory' },
        { controllers: ['pids'], mount: '/sys/fs/cgroup/pids' },
      ],
    });
  });

  it('are asked for when there are none', () => {
    expect(() => parseLayout(line('/', 'ext4', 'rw'))).toThrow('mount cgroup2');
  });
});
