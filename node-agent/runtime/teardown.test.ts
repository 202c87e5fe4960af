import { expect, it } from 'vitest';
import { networkOf } from './teardown.ts';

const routes = [
  'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT', 'eth0\t00000000\t0101A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0',
  'eth0\t00012A0A\t0201A8C0\t0003\t0\t0\t0\t00FFFFFF\t0\t0\t0', 'abcdefbr0\t00002A0A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0', '',
].join('\n');

it('finds the network that an instance has set up, by its bridge', () => {
  const net = 0x0a_2a_00_00;
  expect(networkOf(routes, 'abcdef')).toEqual({
    bridge: 'abcdefbr0', gateway: net + 1, table: 'coracle_abcdef', pods: { net, prefix: 24 }, cluster: { net, prefix: 16 }, routes: [],
  });
  expect(networkOf(routes, 'other1')).toBeUndefined();
});
