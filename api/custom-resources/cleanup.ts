import type { CustomResourceDefinition } from '../../machinery/kinds/apiextensions.ts';
import { findCondition } from '../../machinery/conditions.ts';
import type { Draft } from '../../machinery/kinds/wire.ts';
import { isReason } from '../../machinery/status.ts';
import { mayGoNow, removed } from '../handlers/delete.ts';
import { changeObject, type Outcome, type Writer } from '../handlers/writer.ts';
import { customResourceDefinition } from '../resources/apiextensions/custom-resource-definition.ts';
import type { Resource } from '../resources/define.ts';
import type { Entry, Watch } from '../store/cache.ts';
import { prefixOf } from '../store/entry.ts';
import { prefixEnd } from '../store/sorted-map.ts';
import { cleanupFinalizer, setTerminating } from './definition/lifecycle.ts';

/** Deletes the objects of a definition that is being deleted, and lets the definition go when the last of them has gone. */
export interface Cleanup {
  /** Takes the next step. Calls `wake` when there may be another. */
  proceed(definition: CustomResourceDefinition, resources: readonly Resource[]): Promise<void>;
  close(): void;
}

/** How many deletions are under way at once: enough to fill the store's commits. */
const width = 64;

export function createCleanup({ writer, wake }: { readonly writer: Writer; readonly wake: () => void }): Cleanup {
  /** Objects that finalizers hold are waited for. */
  const watches = new Map<string, Watch>();

  function watch(name: string, resource: Resource): void {
    watches.get(name)?.close();
    watches.set(name, writer.caches.of(resource).watch(writer.caches.revision, {}, {
      changes(batch) {
        if (batch.some(({ type }) => type === 'DELETED')) wake();
      },
      end(error) {
        watches.delete(name);
        // Behind: what it would have told of may have happened. Without an error the server is stopping.
        if (error !== undefined) wake();
      },
    }));
  }

  return {
    async proceed(definition, resources) {
      const name = definition.metadata?.name ?? '';
      // Whoever converts between versions may be gone already.
      const resource = resources.find(({ version, storedAs }) => storedAs?.resource.version === version) ?? resources[0];
      if (resource === undefined) {
        await purge(writer, definition);
      } else {
        if (findCondition(definition.status?.conditions, 'Terminating')?.reason !== 'InstanceDeletionInProgress') {
          await change(writer, name, (draft) => { setTerminating(draft, 'True', 'InstanceDeletionInProgress', 'CustomResource deletion is in progress', writer.now()); });
        }
        if (!watches.has(name)) watch(name, resource);
        await deleteAll(writer, resource);
        // The cache must show what was just written before it can say that nothing is left.
        await writer.caches.waitForNewest(AbortSignal.timeout(waitMs));
        if (!isEmpty(writer.caches.of(resource).list())) return;
      }
      watches.get(name)?.close();
      watches.delete(name);
      await change(writer, name, (draft) => {
        setTerminating(draft, 'False', 'InstanceDeletionCompleted', 'removed all instances', writer.now());
        if (draft.metadata !== undefined) draft.metadata.finalizers = (draft.metadata.finalizers ?? []).filter((one) => one !== cleanupFinalizer);
      });
    },
    close() {
      for (const each of watches.values()) each.close();
    },
  };
}

const waitMs = 30_000;

function isEmpty(entries: Iterable<Entry>): boolean {
  for (const _ of entries) return false;
  return true;
}

function change(writer: Writer, name: string, edit: (draft: Draft<CustomResourceDefinition>) => void): Promise<unknown> {
  return changeObject(writer, customResourceDefinition, '', name, false, (current): Outcome => {
    const draft = structuredClone(current.exact) as Draft<CustomResourceDefinition>;
    edit(draft);
    return mayGoNow(customResourceDefinition, draft) ? { type: 'delete' } : { type: 'put', object: draft };
  });
}

async function deleteAll(writer: Writer, resource: Resource): Promise<void> {
  const entries = [...writer.caches.of(resource).list()];
  await writer.caches.ready(resource, entries);
  const due = entries.filter(({ object }) => object.metadata?.deletionTimestamp === undefined);
  for (let start = 0; start < due.length; start += width) {
    await Promise.all(due.slice(start, start + width).map((entry) => deleteOne(writer, resource, entry)));
  }
}

async function deleteOne(writer: Writer, resource: Resource, { namespace, name }: Entry): Promise<void> {
  try {
    await changeObject(writer, resource, namespace, name, false, (current) => removed(resource, current.exact, { dryRun: false }, writer.now()));
  } catch (error) {
    if (!isReason(error, 'NotFound')) throw error;
  }
}

const purgeKeys = 100;

/** Of a kind that is served in no version: nobody can see its objects, or wait for them. */
async function purge({ store }: Writer, { spec }: CustomResourceDefinition): Promise<void> {
  const prefix = prefixOf({ group: spec.group, plural: spec.names.plural });
  for (;;) {
    const { items } = await store.range({ from: prefix, to: prefixEnd(prefix), limit: purgeKeys });
    if (items.length === 0) return;
    await store.commit({ compares: [], writes: items.map(({ key }) => ({ type: 'delete', key })) });
  }
}
