import { describe, expect, it } from 'vitest';
import { parseRoutes, pickClusterCidr } from './host.ts';

const header = 'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n';
const route = (destination: string, mask: string) => `br0\t${destination}\t00000000\t0001\t0\t0\t0\t${mask}\t0\t0\t0\n`;

describe('pickClusterCidr', () => {
  it.each([
    ['nothing is routed', '', '10.42.0.0/16'],
    ['the default route only', route('00000000', '00000000'), '10.42.0.0/16'],
    ['another cluster has a node here', route('00002A0A', '00FFFFFF'), '10.44.0.0/16'],
    ['two others have', route('00002A0A', '00FFFFFF') + route('00002C0A', '00FFFFFF'), '10.45.0.0/16'],
    ['the whole of 10.0.0.0/10 is routed', route('0000000A', '0000C0FF'), '10.64.0.0/16'],
  ])('when %s', (_name, routes, cidr) => {
    expect(pickClusterCidr(parseRoutes(header + routes))).toBe(cidr);
  });

  it('says what to do when all are taken', () => {
    expect(() => pickClusterCidr(parseRoutes(header + route('0000000A', '000000FF')))).toThrow('--cluster-cidr');
  });
});
