/**
 * The frames of `v5.channel.k8s.io`: what exec, attach and cp speak over a WebSocket. Each binary message is one byte that names
 * the channel, then its bytes. Pure: sockets are the caller's. Source: "WebSocket streaming", KEP-4006.
 */

export const channelProtocol = 'v5.channel.k8s.io';
/** The protocol without the close signal, which older clients ask for. */
export const olderChannelProtocol = 'v4.channel.k8s.io';
/** The first of them, without a close signal and without a Status: its error channel has words, and only when something failed. */
export const plainChannelProtocol = 'channel.k8s.io';
/** Over SPDY, where each channel is a stream. The second and third are the first with a rule for closing, and with terminals' sizes. */
export const spdyChannelProtocols: readonly string[] = [olderChannelProtocol, 'v3.channel.k8s.io', 'v2.channel.k8s.io', plainChannelProtocol];

const channelNumbers = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4 } as const;
const closeNumber = 255;

export type Channel = keyof typeof channelNumbers;

export type ChannelFrame =
  | { readonly type: 'data'; readonly channel: Channel; readonly data: Buffer }
  /** The sender will write nothing more to the channel (v5 only). */
  | { readonly type: 'close'; readonly channel: Channel };

/** The channel of that name, which SPDY's `streamType` has; undefined when there is none. */
export function channelNamed(name: string): Channel | undefined {
  return Object.hasOwn(channelNumbers, name) ? name as Channel : undefined;
}

const channelByNumber = new Map<number, Channel>(Object.entries(channelNumbers).map(([name, number]) => [number, name as Channel]));

export function encodeChannel(channel: Channel, data: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(data.length + 1);
  frame[0] = channelNumbers[channel];
  frame.set(data, 1);
  return frame;
}

export function encodeClose(channel: Channel): Buffer {
  return Buffer.from([closeNumber, channelNumbers[channel]]);
}

/** The frame in one WebSocket message; undefined when it is none (empty, or a channel that doesn't exist). Data is a view of the message. */
export function decodeChannel(message: Buffer): ChannelFrame | undefined {
  const number = message[0];
  if (number === undefined) return undefined;
  if (number === closeNumber) {
    const closed = channelByNumber.get(message[1] ?? -1);
    return closed === undefined || message.length !== 2 ? undefined : { type: 'close', channel: closed };
  }
  const channel = channelByNumber.get(number);
  return channel === undefined ? undefined : { type: 'data', channel, data: message.subarray(1) };
}

export interface TerminalSize {
  readonly width: number;
  readonly height: number;
}

/** The size in a frame of the resize channel: `{"Width":80,"Height":24}`; undefined when it is no size. */
export function decodeResize(data: Buffer): TerminalSize | undefined {
  let value: unknown;
  try {
    value = JSON.parse(data.toString('utf8'));
  } catch {
    return undefined;
  }
  const side = (name: string): number | undefined => {
    const given: unknown = typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
    return typeof given === 'number' && Number.isInteger(given) && given >= 0 && given <= 65535 ? given : undefined;
  };
  const [width, height] = [side('Width'), side('Height')];
  return width === undefined || height === undefined ? undefined : { width, height };
}

export function encodeResize(size: TerminalSize): Buffer {
  return encodeChannel('resize', Buffer.from(JSON.stringify({ Width: size.width, Height: size.height })));
}

/** Those whose error channel has a Status; all others have words there. */
const statusProtocols: ReadonlySet<string> = new Set([channelProtocol, olderChannelProtocol]);

type FailureStatus = Readonly<Record<string, unknown>> & { readonly message: string };

/**
 * The last message on an exec's error channel: how the command ended, as a Status. kubectl reads the exit code from its cause. None
 * for a success in a protocol that has words only.
 */
export function encodeExit(exitCode: number, protocol: string): Buffer | undefined {
  if (exitCode === 0) return statusProtocols.has(protocol) ? encodeStatus({ metadata: {}, status: 'Success' }) : undefined;
  return encodeFailed({
    metadata: {}, status: 'Failure', reason: 'NonZeroExitCode', message: `command terminated with non-zero exit code: command terminated with exit code ${exitCode}`,
    details: { causes: [{ reason: 'ExitCode', message: String(exitCode) }] },
  }, protocol);
}

/** The last message when the command could not be run at all. */
export function encodeFailure(message: string, protocol: string): Buffer {
  return encodeFailed({ metadata: {}, status: 'Failure', reason: 'InternalError', message, code: 500 }, protocol);
}

function encodeFailed(status: FailureStatus, protocol: string): Buffer {
  return statusProtocols.has(protocol) ? encodeStatus(status) : Buffer.from(status.message);
}

function encodeStatus(status: object): Buffer {
  return Buffer.from(JSON.stringify(status));
}
