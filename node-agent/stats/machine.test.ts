import { describe, expect, it } from 'vitest';
import { defaultDevices, parseInterfaces, parseMeminfo, parseStat } from './machine.ts';

describe('what the kernel says of the machine', () => {
  it('memory: the working set is what is used but for inactive file pages', () => {
    const meminfo = 'MemTotal:       1000 kB\nMemFree:         300 kB\nMemAvailable:    450 kB\nInactive(file):  200 kB\nAnonPages:       100 kB\nSwapTotal:        50 kB\nSwapFree:         20 kB\n';
    expect(parseMeminfo(meminfo)).toEqual({ totalBytes: 1000 * 1024, usageBytes: 700 * 1024, workingSetBytes: 500 * 1024, rssBytes: 100 * 1024, swapBytes: 30 * 1024 });
  });

  it('processors: all time but idle and waiting', () => {
    expect(parseStat('cpu  10 1 5 1000 77 2 3 4 8 0\ncpu0 1 1 1 1 1 1 1 1 1 1\nbtime 1700000000\n')).toEqual({ cpuNanos: 250_000_000, startedAt: 1_700_000_000_000 });
  });

  it('network: counters of each device, and which lead out', () => {
    const devices = 'Inter-|   Receive  |  Transmit\n face |bytes packets errs drop fifo frame compressed multicast|bytes packets errs drop fifo colls carrier compressed\n'
      + '    lo: 9 9 0 0 0 0 0 0 9 9 0 0 0 0 0 0\n  eth0:100 2 3 4 0 0 0 0 500 6 7 8 0 0 0 0\n';
    expect(parseInterfaces(devices)).toEqual([{ name: 'eth0', rxBytes: 100, rxPackets: 2, rxErrors: 3, rxDropped: 4, txBytes: 500, txPackets: 6, txErrors: 7, txDropped: 8 }]);
    expect(defaultDevices('Iface\tDestination\tGateway\neth0\t00000000\t0100000A\nbr0\t0000000A\t00000000\n')).toEqual(new Set(['eth0']));
  });
});
