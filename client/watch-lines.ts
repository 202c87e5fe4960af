import { connectionFailure } from './connection.ts';

const newline = 0x0a;
/** Twice what an object may weigh, with room for managed fields. */
const longestLineBytes = 8 << 20;

/**
 * Cuts a stream of JSON lines into batches of values: the lines that each chunk completes. Throws `ApiError` (code 0) on a line
 * that is too long or no JSON.
 */
export async function* splitEvents(chunks: AsyncIterable<Buffer>, limitBytes = longestLineBytes): AsyncGenerator<readonly unknown[]> {
  let rest: Buffer[] = [];
  let restBytes = 0;
  for await (const chunk of chunks) {
    const end = chunk.lastIndexOf(newline);
    if (end >= 0) {
      const complete = Buffer.concat([...rest, chunk.subarray(0, end)]).toString('utf8');
      rest = [];
      restBytes = 0;
      const batch = complete.split('\n').filter((line) => line.trim() !== '').map(parseLine);
      if (batch.length > 0) yield batch;
    }
    const tail = chunk.subarray(end + 1);
    if (tail.length > 0) rest.push(tail);
    restBytes += tail.length;
    if (restBytes > limitBytes) throw connectionFailure(`a watch event is larger than ${limitBytes} bytes`);
  }
}

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    throw connectionFailure('a watch brought a line that is no JSON', error);
  }
}
