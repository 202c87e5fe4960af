import { describe, expect, it } from 'vitest';
import type { PodSpec } from '../../machinery/kinds/core.ts';
import { sandboxSpec } from './effects/sandbox.ts';
import { forbiddenSysctl } from './sysctls.ts';

const refusal = (name: string, spec: Partial<PodSpec> = {}): string | undefined => forbiddenSysctl({ spec: { containers: [], securityContext: { sysctls: [{ name, value: '1' }] }, ...spec } });

describe('a sysctl of a pod', () => {
  it.each(['net.ipv4.tcp_rmem', 'net/ipv4/tcp_syncookies', 'kernel.shm_rmid_forced'])('%s is safe', (name) => {
    expect(refusal(name)).toBeUndefined();
  });

  it.each([
    ['net.ipv4.ip_forward', 'forbidden sysctl: "net.ipv4.ip_forward" not allowlisted'], ['kernel.msgmax', 'forbidden sysctl: "kernel.msgmax" not allowlisted'],
    ['net/ipv4/conf/eth0.1/forwarding', 'forbidden sysctl: "net.ipv4.conf.eth0/1.forwarding" not allowlisted'],
  ])('%s is not', (name, message) => {
    expect(refusal(name)).toBe(message);
  });

  it('reaches the runtime with dots', () => {
    expect(sandboxSpec({ spec: { containers: [], securityContext: { sysctls: [{ name: 'net/ipv4/tcp_syncookies', value: '1' }] } } }, 'u', { memoryQos: { reserves: false }, swap: { behavior: 'NoSwap' } }).sysctls).toEqual({ 'net.ipv4.tcp_syncookies': '1' });
  });

  it('must not be the machine\'s', () => {
    expect(refusal('kernel.shm_rmid_forced', { hostIPC: true })).toBe('forbidden sysctl: "kernel.shm_rmid_forced" not allowed with host ipc enabled');
    expect(refusal('net.ipv4.tcp_rmem', { hostNetwork: true })).toBe('forbidden sysctl: "net.ipv4.tcp_rmem" not allowed with host net enabled');
  });
});
