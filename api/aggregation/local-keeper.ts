import { APIService } from '../../machinery/kinds/api-registration.ts';
import type { Draft } from '../../machinery/kinds/wire.ts';
import { isReason } from '../../machinery/status.ts';
import { follow } from '../access/follow.ts';
import { stampNew } from '../handlers/metadata.ts';
import { changeObject, type Writer } from '../handlers/writer.ts';
import type { Registry } from '../registry.ts';
import { apiService } from '../resources/apiregistration/api-service.ts';
import type { Resource } from '../resources/define.ts';
import type { Write } from '../store/store.ts';
import { automanaged, isStale, localServices, wantedService, type LocalService } from './local-services.ts';

/** Keeps an APIService for each group and version that this server serves itself, custom resources' included. */

export interface LocalKeeperOptions {
  readonly writer: Writer;
  readonly registry: Registry;
  /** What is served from the start. */
  readonly builtin: readonly Resource[];
  readonly report: (error: unknown) => void;
}

/** Starts; `close()` ends it and resolves when the round at hand is done. */
export function keepLocalServices({ writer, registry, builtin, report }: LocalKeeperOptions): { close(): Promise<void> } {
  const own = new Set(builtin);
  let round: Promise<void> = Promise.resolve();
  let isDue = false;
  let isClosed = false;

  /** Rounds run one after the other; what changes during one makes one more. */
  function wake(): void {
    if (isDue || isClosed) return;
    isDue = true;
    round = round.then(async () => {
      isDue = false;
      if (!isClosed) await reconcile(writer, localServices(registry.resources, own));
    }).catch(report);
  }

  const changes = registry.onChange(wake);
  const following = follow(writer.caches, APIService, {
    reset: wake,
    set: (entry) => { if (entry.object.metadata?.labels?.[automanaged] !== undefined) wake(); },
    remove: wake,
  });
  wake();
  return {
    async close() {
      isClosed = true;
      changes.close();
      following.close();
      await round;
    },
  };
}

/** Objects a transaction. */
const batchSize = 40;

async function reconcile(writer: Writer, wanted: readonly LocalService[]): Promise<void> {
  const cache = writer.caches.of(apiService);
  const missing = wanted.filter(({ name }) => cache.get(undefined, name) === undefined);
  for (let start = 0; start < missing.length; start += batchSize) await create(writer, missing.slice(start, start + batchSize));
  for (const local of wanted.filter((one) => !missing.includes(one))) await put(writer, local);
  const served = new Set(wanted.map(({ name }) => name));
  const stale = [...cache.list()].filter(({ object }) => isStale(object as APIService, served));
  for (const { name } of stale) await attempt(() => changeObject(writer, apiService, '', name, false, () => ({ type: 'delete' })));
}

/** Those that somebody else makes at the same moment are looked at in the next round: their appearance wakes it. */
async function create(writer: Writer, locals: readonly LocalService[]): Promise<void> {
  const cache = writer.caches.of(apiService);
  const writes = await Promise.all(locals.map(async (local): Promise<Write | undefined> => {
    const object = wantedService(local, undefined, writer.now());
    if (object === undefined) return undefined;
    const draft = structuredClone(object) as Draft<APIService>;
    stampNew(writer, apiService, draft);
    return { type: 'put', key: cache.keyOf(undefined, local.name), value: await writer.codec.encode(apiService, draft) };
  }));
  const puts = writes.filter((write) => write !== undefined);
  await writer.store.commit({ compares: puts.map(({ key }) => ({ key, revision: 0 })), writes: puts });
}

async function put(writer: Writer, local: LocalService): Promise<void> {
  const present = writer.caches.of(apiService).get(undefined, local.name)?.object as APIService | undefined;
  if (wantedService(local, present, writer.now()) === undefined) return;
  await attempt(() => changeObject(writer, apiService, '', local.name, false, (current) => {
    const object = wantedService(local, current.object, writer.now());
    return object === undefined ? { type: 'keep' } : { type: 'put', object: structuredClone(object) as Draft<APIService> };
  }));
}

/** Somebody deletes the object meanwhile: that is well too. */
async function attempt(write: () => Promise<unknown>): Promise<void> {
  try {
    await write();
  } catch (error) {
    if (!isReason(error, 'NotFound')) throw error;
  }
}
