import { setImmediate as turn } from 'node:timers/promises';

/** Documents are large: they are built piece by piece, and between pieces others have their turn. */

/** To be awaited after each piece; every so many pieces it lets the event loop go round. */
export type Pause = () => Promise<void>;

export function createPause(pieces = 12): Pause {
  let left = pieces;
  return async () => {
    left -= 1;
    if (left > 0) return;
    left = pieces;
    await turn();
  };
}

/** The JSON object of these members, written one by one. */
export async function objectText(members: Iterable<readonly [string, unknown]>, pause: Pause): Promise<string> {
  const pieces: string[] = [];
  for (const [name, value] of members) {
    pieces.push(`${JSON.stringify(name)}:${JSON.stringify(value)}`);
    await pause();
  }
  return `{${pieces.join(',')}}`;
}

/** What answers mean, by code. */
export const reasons: Readonly<Record<number, string>> = { 200: 'OK', 201: 'Created', 202: 'Accepted' };

/** What the names of the API machinery's own definitions begin with. */
export const meta = 'io.k8s.apimachinery.pkg.apis.meta.v1';
