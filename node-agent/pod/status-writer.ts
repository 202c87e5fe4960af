import { pause, type Clock } from '../../machinery/clock.ts';
import { Pod, type PodStatus } from '../../machinery/kinds/core.ts';
import { isReason } from '../../machinery/status.ts';
import type { Client } from '../../client/client.ts';
import type { Log } from '../../client/log.ts';

/** Brings pods' statuses to the API: one request at a time a pod, the newest wins, tried until it is taken or the pod is gone. */
export interface StatusWriter {
  /** `withinMs` 0: at once; else a status that comes meanwhile saves this one. */
  write(pod: Pod, status: PodStatus, withinMs: number): void;
  /** Resolves when the pod's last status is written or can't be any more. */
  flush(uid: string): Promise<void>;
  forget(uid: string): void;
}

interface Entry {
  wanted: PodStatus;
  /** JSON of what the API has taken. */
  written: string;
  pod: Pod;
  running: Promise<void> | undefined;
  cancelDelay: (() => void) | undefined;
  gone: boolean;
}

const firstWaitMs = 200;
const longestWaitMs = 10_000;
const requestDeadlineMs = 15_000;

export function createStatusWriter(client: Client, clock: Clock, log: Log, signal: AbortSignal): StatusWriter {
  const entries = new Map<string, Entry>();

  async function send(entry: Entry): Promise<void> {
    let waitMs = firstWaitMs;
    while (!signal.aborted && !entry.gone && JSON.stringify(entry.wanted) !== entry.written) {
      const { wanted } = entry;
      try {
        await patch(client, entry.pod, wanted, signal);
        entry.written = JSON.stringify(wanted);
        waitMs = firstWaitMs;
      } catch (error) {
        if (signal.aborted) return;
        const { namespace, name, uid } = entry.pod.metadata ?? {};
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
      // A status may have come between the last look and now.
      if (!signal.aborted && !entry.gone && JSON.stringify(entry.wanted) !== entry.written) start(entry);
    });
  }

  return {
    write(pod, status, withinMs) {
      const uid = pod.metadata?.uid ?? '';
      const entry = entries.get(uid) ?? { wanted: status, written: '', pod, running: undefined, cancelDelay: undefined, gone: false };
      entries.set(uid, entry);
      entry.wanted = status;
      entry.pod = pod;
      if (entry.running !== undefined) return;
      if (withinMs === 0) start(entry);
      else entry.cancelDelay ??= clock.setTimer(withinMs, () => start(entry));
    },
    async flush(uid) {
      const entry = entries.get(uid);
      if (entry?.cancelDelay !== undefined) start(entry);
      for (let running = entries.get(uid)?.running; running !== undefined; running = entries.get(uid)?.running) await running;
    },
    forget(uid) {
      entries.get(uid)?.cancelDelay?.();
      entries.delete(uid);
    },
  };
}

/** Strategic merge: conditions that others own stay. A changed address replaces the old one instead of joining it. */
async function patch(client: Client, pod: Pod, status: PodStatus, signal: AbortSignal): Promise<void> {
  const { name = '', namespace = '', uid } = pod.metadata ?? {};
  const before = pod.status?.podIPs ?? [];
  const replaces = status.podIPs !== undefined && before.some((each) => each.ip !== status.podIPs?.[0]?.ip);
  const body = { metadata: { uid }, status: replaces ? { ...status, podIPs: [...(status.podIPs ?? []), { $patch: 'replace' }] } : status };
  await client.patch(Pod, { namespace, name }, 'application/strategic-merge-patch+json', body, {
    subresource: 'status', signal: AbortSignal.any([signal, AbortSignal.timeout(requestDeadlineMs)]),
  });
}
