/**
 * The bytes of `protocol.h`: frames, texts, lists. Only `host.ts` and `pod.ts` use it; nothing else in the project knows
 * what travels between the agent and its C programs. This room imports nothing of ours.
 */

export const frameTypes = {
  podHello: 1, podConfigure: 2, podStart: 3, podSignal: 4, podRemove: 5, podExec: 6, podAttach: 7, podDial: 8, podResize: 9,
  stdin: 20, stdinClose: 21, resize: 22, stdout: 23, stderr: 24, exit: 25,
  podExited: 30, ok: 40, error: 41,
  hostHello: 49, hostSpawn: 50, hostNetwork: 51, hostUnpack: 52, hostDestroy: 53, hostTeardown: 54, hostMemory: 55, hostUsers: 56, hostPack: 57, hostOpaque: 58, hostCgroups: 59, hostQuota: 60, hostLimit: 61,
} as const;

const errorCodes = [
  'Failed', 'CommandNotFound', 'CommandNotExecutable', 'MountFailed', 'DigestMismatch', 'BadLayer', 'NotFound', 'Unavailable', 'Failed',
] as const;
/** `Incompatible` is the agent's own: the other end speaks a version that it can't drive. */
export type NativeErrorCode = (typeof errorCodes)[number] | 'Incompatible';

/** What a C program refused, or that it is gone (`Unavailable`). */
export class NativeError extends Error {
  readonly code: NativeErrorCode;

  constructor(code: NativeErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'NativeError';
    this.code = code;
  }
}

export interface Frame {
  readonly type: number;
  readonly id: number;
  readonly payload: Buffer;
}

const headerBytes = 12;
const maxFrameBytes = 8 << 20;
const absent = 0xffff_ffff_ffff_ffffn;

/** Collects a payload; `frame` puts the header before it. */
export class PayloadWriter {
  private readonly parts: Buffer[] = [];

  u32(value: number): this {
    const bytes = Buffer.allocUnsafe(4);
    bytes.writeUInt32LE(value >>> 0);
    this.parts.push(bytes);
    return this;
  }

  u64(value: number | bigint): this {
    const bytes = Buffer.allocUnsafe(8);
    bytes.writeBigUInt64LE(BigInt(value));
    this.parts.push(bytes);
    return this;
  }

  /** A number, or all ones when there is none. */
  optional(value: number | undefined): this {
    return this.u64(value === undefined ? absent : BigInt(Math.trunc(value)));
  }

  flag(value: boolean): this {
    return this.u32(value ? 1 : 0);
  }

  blob(bytes: Buffer): this {
    this.u32(bytes.length);
    this.parts.push(bytes, Buffer.of(0));
    return this;
  }

  text(value: string): this {
    if (value.includes('\0')) throw new NativeError('Failed', `${JSON.stringify(value)} has a NUL character`);
    return this.blob(Buffer.from(value));
  }

  list<T>(items: readonly T[], write: (item: T) => void): this {
    this.u32(items.length);
    for (const item of items) write(item);
    return this;
  }

  texts(values: readonly string[]): this {
    return this.list(values, (value) => this.text(value));
  }

  bytes(): Buffer {
    return Buffer.concat(this.parts);
  }
}

/** Reads an answer's payload in the order that it was written. */
export class PayloadReader {
  private readonly bytes: Buffer;
  private at = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  u32(): number {
    this.at += 4;
    return this.bytes.readUInt32LE(this.at - 4);
  }

  u64(): number {
    this.at += 8;
    return Number(this.bytes.readBigUInt64LE(this.at - 8));
  }

  text(): string {
    const size = this.u32();
    const text = this.bytes.toString('utf8', this.at, this.at + size);
    this.at += size + 1;
    return text;
  }

  list<T>(read: () => T): T[] {
    return Array.from({ length: this.u32() }, read);
  }

  /** False at the end of what the other end's version has. */
  hasMore(): boolean {
    return this.at < this.bytes.length;
  }
}

export function encodeFrame(type: number, id: number, payload: Buffer): Buffer {
  const header = Buffer.allocUnsafe(headerBytes);
  header.writeUInt32LE(payload.length + headerBytes - 4, 0);
  header.writeUInt32LE(type, 4);
  header.writeUInt32LE(id, 8);
  return Buffer.concat([header, payload]);
}

/** Cuts a byte stream into frames. Throws `NativeError` on what can't be one. */
export function createFrameParser(): (chunk: Buffer) => Frame[] {
  let pending: Buffer = Buffer.alloc(0);
  return (chunk) => {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    const frames: Frame[] = [];
    let at = 0;
    while (pending.length - at >= headerBytes) {
      const size = pending.readUInt32LE(at) + 4;
      if (size < headerBytes || size > maxFrameBytes + 4) throw new NativeError('Failed', `a frame of ${size} bytes arrived`);
      if (pending.length - at < size) break;
      frames.push({ type: pending.readUInt32LE(at + 4), id: pending.readUInt32LE(at + 8), payload: pending.subarray(at + headerBytes, at + size) });
      at += size;
    }
    pending = pending.subarray(at);
    return frames;
  };
}

/** The failure that an ERROR frame carries. */
export function errorOf(frame: Frame): NativeError {
  const reader = new PayloadReader(frame.payload);
  const code = errorCodes[reader.u32()] ?? 'Failed';
  return new NativeError(code, reader.text());
}

interface Waiting {
  readonly resolve: (payload: Buffer) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

export interface Requests {
  /** Sends a request; resolves with its answer's payload, rejects when refused, lost, or without an answer in time. */
  send(type: number, payload: Buffer, timeoutMs: number): Promise<Buffer>;
  /** True when the frame answered a request. */
  answered(frame: Frame): boolean;
  /** Rejects everything that waits. */
  fail(error: Error): void;
}

/** Matches answers to requests over one connection; `what` names the other end in messages. */
export function createRequests(write: (bytes: Buffer) => void, what: string): Requests {
  const waiting = new Map<number, Waiting>();
  let lastId = 0;
  let broken: Error | undefined;
  const take = (id: number): Waiting | undefined => {
    const entry = waiting.get(id);
    waiting.delete(id);
    clearTimeout(entry?.timer);
    return entry;
  };
  return {
    send(type, payload, timeoutMs) {
      if (broken !== undefined) return Promise.reject(broken);
      lastId = (lastId + 1) >>> 0;
      const id = lastId;
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => take(id)?.reject(new NativeError('Unavailable', `${what} did not answer within ${timeoutMs} ms`)), timeoutMs);
        waiting.set(id, { resolve, reject, timer });
        write(encodeFrame(type, id, payload));
      });
    },
    answered(frame) {
      if (frame.type !== frameTypes.ok && frame.type !== frameTypes.error) return false;
      const entry = take(frame.id);
      if (frame.type === frameTypes.ok) entry?.resolve(frame.payload);
      else entry?.reject(errorOf(frame));
      return true;
    },
    fail(error) {
      broken = error;
      for (const id of waiting.keys()) take(id)?.reject(error);
    },
  };
}
