import { describe, expect, it } from 'vitest';
import { changedDrivers } from './resource-claims.ts';

const device = (driver: string, name: string, more: object = {}) => ({ driver, pool: 'p', device: name, ...more });

describe('the drivers of changed devices', () => {
  it.each<[string, Parameters<typeof changedDrivers>[0], Parameters<typeof changedDrivers>[1], readonly string[]]>([
    ['none', [device('a', '1'), device('b', '2')], [device('b', '2'), device('a', '1')], []],
    ['one that comes', [device('a', '1'), device('b', '2')], [device('a', '1')], ['b']],
    ['one that goes', [], [device('a', '1')], ['a']],
    ['one that changes', [device('a', '1', { networkData: { interfaceName: 'eth0' } })], [device('a', '1')], ['a']],
    ['a share of a device', [device('a', '1', { shareID: 'x' })], [device('a', '1')], ['a']],
    ['all at once', [device('c', '3'), device('a', '1', { data: {} })], [device('a', '1'), device('d', '4')], ['a', 'c', 'd']],
  ])('are found: %s', (_what, devices, old, expected) => {
    expect(changedDrivers(devices, old)).toEqual(expected);
  });
});
