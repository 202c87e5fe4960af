import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeChannel, decodeResize, encodeChannel, encodeClose, encodeExit, encodeFailure, encodeResize, type Channel } from './channels.ts';

const channels: readonly Channel[] = ['stdin', 'stdout', 'stderr', 'error', 'resize'];

describe('channel frames', () => {
  it('decode to what was encoded', () => {
    fc.assert(fc.property(fc.constantFrom(...channels), fc.uint8Array(), (channel, bytes) => {
      expect(decodeChannel(encodeChannel(channel, bytes))).toEqual({ type: 'data', channel, data: Buffer.from(bytes) });
      expect(decodeChannel(encodeClose(channel))).toEqual({ type: 'close', channel });
    }));
  });

  it.each([
    ['an empty message', []], ['an unknown channel', [7, 1]], ['a close of nothing', [255]], ['a close of an unknown channel', [255, 9]],
  ])('are refused: %s', (_name, bytes) => {
    expect(decodeChannel(Buffer.from(bytes))).toBeUndefined();
  });

  it('carry the size of a terminal', () => {
    expect(decodeResize(encodeResize({ width: 80, height: 24 }).subarray(1))).toEqual({ width: 80, height: 24 });
    expect(decodeResize(Buffer.from('{"Width":-1,"Height":24}'))).toBeUndefined();
    expect(decodeResize(Buffer.from('nonsense'))).toBeUndefined();
  });

  it('end with a Status from which the exit code can be read', () => {
    const statusOf = (message: Buffer | undefined): unknown => JSON.parse(message?.toString() ?? '');
    for (const protocol of ['v5.channel.k8s.io', 'v4.channel.k8s.io']) {
      expect(statusOf(encodeExit(0, protocol))).toEqual({ metadata: {}, status: 'Success' });
      expect(statusOf(encodeExit(3, protocol))).toMatchObject({ reason: 'NonZeroExitCode', details: { causes: [{ reason: 'ExitCode', message: '3' }] } });
      expect(statusOf(encodeFailure('no such command', protocol))).toMatchObject({ status: 'Failure', message: 'no such command' });
    }
  });

  it.each(['channel.k8s.io', 'v2.channel.k8s.io', 'v3.channel.k8s.io', ''])('end with words in the protocol "%s", and without any after a success', (protocol) => {
    expect(encodeExit(0, protocol)).toBeUndefined();
    expect(encodeExit(3, protocol)?.toString()).toBe('command terminated with non-zero exit code: command terminated with exit code 3');
    expect(encodeFailure('no such command', protocol).toString()).toBe('no such command');
  });
});
