import { failure } from '../../machinery/status.ts';
import { isReason } from '../../machinery/status.ts';
import type { Call, ListResult } from '../request.ts';
import type { Entry } from '../store/cache.ts';
import { deleteWith } from './delete.ts';
import { deleteOptions } from './delete-options.ts';
import { list } from './list.ts';
import type { Reader } from './reader.ts';
import type { Writer } from './writer.ts';

/** How many deletions are under way at once: enough to fill the store's commits. */
const width = 64;

/** DELETE on a collection: the list of what was deleted. What somebody else deletes meanwhile is none of our errors. */
export async function deleteCollection(deps: Reader & Writer, call: Call): Promise<ListResult> {
  const options = deleteOptions(deps, call);
  if (options.uid !== undefined || options.resourceVersion !== undefined) {
    throw failure('BadRequest', 'preconditions of a deletion name one object; they cannot be used on a collection');
  }
  const { body: _body, ...rest } = call;
  const found = await list(deps, rest);
  const entries: Entry[] = [];
  for (let start = 0; start < found.entries.length; start += width) {
    const batch = found.entries.slice(start, start + width);
    const deleted = await Promise.all(batch.map((entry) => deleteOne(deps, call, entry, options)));
    entries.push(...deleted.filter((entry) => entry !== undefined));
  }
  return { ...found, entries };
}

async function deleteOne(deps: Writer, call: Call, { namespace, name, uid }: Entry, options: ReturnType<typeof deleteOptions>): Promise<Entry | undefined> {
  try {
    const { entry } = await deleteWith(deps, { ...call, info: { ...call.info, namespace, name } }, name, { ...options, uid });
    return entry;
  } catch (error) {
    if (isReason(error, 'NotFound', 'Conflict')) return undefined;
    throw error;
  }
}
