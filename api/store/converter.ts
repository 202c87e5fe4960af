import { apiVersionOf } from '../../machinery/kinds/kind.ts';
import type { RemoteConversion, Resource } from '../resources/define.ts';
import type { CacheEntry } from './entry.ts';

/** Has entries converted by whoever can: many at once, each once. */
export interface Converter {
  ready(entries: readonly CacheEntry[]): Promise<void>;
}

/** Objects in one request: what a webhook converts within its time. */
const most = 200;

export function createConverter(resource: Resource, remote: RemoteConversion): Converter {
  /** Entries that were asked for and are not here yet. */
  const coming = new WeakMap<CacheEntry, Promise<void>>();

  async function convert(entries: readonly CacheEntry[]): Promise<void> {
    const objects = entries.flatMap((entry) => entry.unconverted() ?? []);
    const converted = await remote.convert(objects, apiVersionOf(resource));
    for (const [index, entry] of entries.entries()) {
      const object = converted[index];
      if (object !== undefined) entry.convert(object);
    }
  }

  return {
    async ready(entries) {
      const due = entries.filter((entry) => !coming.has(entry) && entry.unconverted() !== undefined);
      for (let start = 0; start < due.length; start += most) {
        const batch = due.slice(start, start + most);
        const converting = convert(batch).finally(() => { for (const entry of batch) coming.delete(entry); });
        for (const entry of batch) coming.set(entry, converting);
      }
      await Promise.all(entries.map((entry) => coming.get(entry)));
    },
  };
}
