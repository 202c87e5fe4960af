import { setImmediate } from 'node:timers/promises';
import type { Body } from '../request.ts';

/** From this size on reading, judging and writing an object each take a turn of the event loop of their own. */
const largeBytes = 128 * 1024;

/** Lets other requests have a turn between two stages of a large one. `bytes`: of the object or the body. */
export function nextStage(bytes: number): Promise<void> | undefined {
  return bytes >= largeBytes ? setImmediate() : undefined;
}

/** How large a body is; a value that a component of this process hands over counts as small. */
export function sizeOf(body: Body | undefined): number {
  return body !== undefined && 'bytes' in body.content ? body.content.bytes.length : 0;
}
