import { pause, type Clock } from '../../machinery/clock.ts';
import { Pod, type PodStatus } from '../../machinery/kinds/core.ts';
import { isStatic } from '../../machinery/pod/static.ts';
import { isReason } from '../../machinery/status.ts';
import type { Client } from '../../client/client.ts';
import type { Log } from '../../client/log.ts';

/** Brings pods' statuses to the API: one request at a time a pod, the newest wins, tried until it is taken or the pod is gone. */
export interface StatusWriter {
  /** `withinMs` 0: at once; else a status that comes meanwhile saves this one. */
  write(pod: Pod, status: PodStatus, withinMs: number): void;
  /** The pod as the API has it now: what others have made of conditions that were written here is written again, as when a silent node is back. */
  check(pod: Pod): void;
  /** The object that shows a static pod of this uid, as the API has it now; undefined: there is none, and nobody to tell. */
  show(uid: string, mirror: Pod | undefined): void;
  /** Resolves when the pod's last status is written or can't be any more. */
  flush(uid: string): Promise<void>;
  forget(uid: string): void;
}

interface Entry {
  wanted: PodStatus;
  /** JSON of what the API has taken. */
  written: string;
  /** The version that the API gave what it has taken. */
  version: string | undefined;
  /** The object in the API; a static pod's mirror, once there is one. */
  pod: Pod;
  running: Promise<void> | undefined;
  cancelDelay: (() => void) | undefined;
  /** There is no object to write to. */
  gone: boolean;
}

const firstWaitMs = 200;
const longestWaitMs = 10_000;
const requestDeadlineMs = 15_000;

export function createStatusWriter(client: Client, clock: Clock, log: Log, signal: AbortSignal): StatusWriter {
  const entries = new Map<string, Entry>();
  const mirrors = new Map<string, Pod>();

  async function send(entry: Entry): Promise<void> {
    let waitMs = firstWaitMs;
    while (!signal.aborted && !entry.gone && JSON.stringify(entry.wanted) !== entry.written) {
      const { wanted, pod } = entry;
      const isOther = (): boolean => entry.pod.metadata?.uid !== pod.metadata?.uid;
      try {
        const { metadata } = await patch(client, entry, signal);
        if (isOther()) continue;
        entry.written = JSON.stringify(wanted);
        entry.version = metadata?.resourceVersion;
        waitMs = firstWaitMs;
      } catch (error) {
        if (signal.aborted) return;
        if (isOther()) continue;
        const { namespace, name, uid } = pod.metadata ?? {};
        // Another pod has its name now, or none has: there is nobody to tell.
        if (isReason(error, 'NotFound', 'Conflict', 'Gone')) entry.gone = true;
        else log.warn({ err: error, namespace, name, uid, waitMs }, 'a pod status was not written: it is tried again');
        if (!entry.gone) await pause(clock, waitMs, signal).catch(() => undefined);
        waitMs = Math.min(waitMs * 2, longestWaitMs);
      }
    }
  }

  function start(entry: Entry): void {
    entry.cancelDelay?.();
    entry.cancelDelay = undefined;
    entry.running = send(entry).finally(() => {
      entry.running = undefined;
      // A status may have come between the last look and now, and so may others' words.
      if (!signal.aborted && !entry.gone && JSON.stringify(entry.wanted) !== entry.written) start(entry);
      else check(entry);
    });
  }

  function check(entry: Entry): void {
    if (signal.aborted || entry.gone || entry.running !== undefined || entry.cancelDelay !== undefined || !isOverwritten(entry)) return;
    entry.written = '';
    start(entry);
  }

  return {
    write(pod, status, withinMs) {
      const uid = pod.metadata?.uid ?? '';
      const object = isStatic(pod) ? mirrors.get(uid) : pod;
      const entry = entries.get(uid) ?? { wanted: status, written: '', version: undefined, pod, running: undefined, cancelDelay: undefined, gone: object === undefined };
      entries.set(uid, entry);
      entry.wanted = status;
      entry.pod = object ?? pod;
      if (entry.running !== undefined) return;
      if (withinMs === 0) start(entry);
      else entry.cancelDelay ??= clock.setTimer(withinMs, () => start(entry));
    },
    check(pod) {
      const entry = entries.get(pod.metadata?.uid ?? '');
      if (entry === undefined) return;
      entry.pod = pod;
      check(entry);
    },
    show(uid, mirror) {
      const before = mirrors.get(uid);
      if (mirror === undefined) mirrors.delete(uid);
      else mirrors.set(uid, mirror);
      const entry = entries.get(uid);
      if (entry === undefined) return;
      if (mirror === undefined) {
        entry.gone = true;
        return;
      }
      entry.pod = mirror;
      if (before?.metadata?.uid === mirror.metadata?.uid) return check(entry);
      // A new object knows nothing yet.
      Object.assign(entry, { gone: false, written: '', version: undefined });
      if (entry.running === undefined) start(entry);
    },
    async flush(uid) {
      const entry = entries.get(uid);
      if (entry?.cancelDelay !== undefined) start(entry);
      for (let running = entries.get(uid)?.running; running !== undefined; running = entries.get(uid)?.running) await running;
    },
    forget(uid) {
      entries.get(uid)?.cancelDelay?.();
      entries.delete(uid);
      mirrors.delete(uid);
    },
  };
}

/** Whether the API has, after what it took from here, a condition that says otherwise. */
function isOverwritten({ wanted, version, pod }: Entry): boolean {
  const { resourceVersion } = pod.metadata ?? {};
  if (version === undefined || resourceVersion === undefined || !isNewer(resourceVersion, version)) return false;
  return (wanted.conditions ?? []).some(({ type, status }) => pod.status?.conditions?.some((each) => each.type === type && each.status !== status) === true);
}

/** Versions of one kind are decimal numbers without leading zeros. Source: "Resource versions", comparing them. */
function isNewer(version: string, than: string): boolean {
  return version.length === than.length ? version > than : version.length > than.length;
}

/** Conditions of the node's own that are not always there. */
const passing = ['PodResizePending', 'PodResizeInProgress'];

function ended({ wanted, written, pod }: Entry): readonly object[] {
  const isThere = (type: string): boolean => written.includes(`"type":"${type}"`) || pod.status?.conditions?.some((each) => each.type === type) === true;
  return passing.filter((type) => wanted.conditions?.every((each) => each.type !== type) === true && isThere(type)).map((type) => ({ $patch: 'delete', type }));
}

/**
 * Strategic merge: conditions that others own stay, and of the pod's own no reason stays that is none any more. A changed
 * address replaces the old one instead of joining it.
 */
async function patch(client: Client, entry: Entry, signal: AbortSignal): Promise<Pod> {
  const { pod, wanted: status } = entry;
  const { name = '', namespace = '', uid } = pod.metadata ?? {};
  const before = pod.status?.podIPs ?? [];
  const replaces = status.podIPs !== undefined && before.some((each) => each.ip !== status.podIPs?.[0]?.ip);
  const body = {
    metadata: { uid },
    status: {
      ...status,
      // What admission made of a mirror's spec decides its class.
      ...(pod.status?.qosClass === undefined ? {} : { qosClass: pod.status.qosClass }),
      ...(status.conditions === undefined ? {} : { conditions: [...status.conditions.map((each) => ({ reason: null, message: null, ...each })), ...ended(entry)] }),
      ...(replaces ? { podIPs: [...(status.podIPs ?? []), { $patch: 'replace' }] } : {}),
    },
  };
  return await client.patch(Pod, { namespace, name }, 'application/strategic-merge-patch+json', body, {
    subresource: 'status', signal: AbortSignal.any([signal, AbortSignal.timeout(requestDeadlineMs)]),
  });
}
