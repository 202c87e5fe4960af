/** The log format of the Container Runtime Interface: `2026-01-02T03:04:05.123456789Z stdout F text`. Source: "Logging Architecture", CRI logging format. */
export interface LogLine {
  /** RFC 3339 with nanoseconds, as written. */
  readonly timestamp: string;
  readonly stream: 'stdout' | 'stderr';
  /** The line goes on in the next entry of its stream. */
  readonly partial: boolean;
  readonly content: Buffer;
}

const space = 0x20;

/** Reads one line, without its newline; `undefined` when it isn't in the format (torn by a full disk, say). */
export function parseLogLine(line: Buffer): LogLine | undefined {
  const afterTime = line.indexOf(space);
  const afterStream = line.indexOf(space, afterTime + 1);
  const afterTags = line.indexOf(space, afterStream + 1);
  if (afterTime < 20 || afterStream < 0) return undefined;
  const stream = line.toString('latin1', afterTime + 1, afterStream);
  const tags = line.toString('latin1', afterStream + 1, afterTags < 0 ? line.length : afterTags);
  if (stream !== 'stdout' && stream !== 'stderr') return undefined;
  return { timestamp: line.toString('latin1', 0, afterTime), stream, partial: tags.split(':')[0] === 'P', content: afterTags < 0 ? Buffer.alloc(0) : line.subarray(afterTags + 1) };
}

/** Milliseconds since the epoch of a log's time stamp; not a number when it is none. */
export function timeOf(timestamp: string): number {
  return Date.parse(timestamp.replace(/(\.\d{3})\d*/, '$1'));
}
