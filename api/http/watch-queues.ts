/**
 * What waits for all watchers together. A watcher's own bound is not enough: a thousand of them just below theirs are gigabytes.
 * Beyond the common bound the worst offenders are cut off first; a client goes on from the last change that it saw.
 */
export interface WatchQueues {
  join(watcher: Queued): QueueMember;
}

export interface Queued {
  /** Bytes that wait for the watcher, now. */
  readonly queued: () => number;
  /** Ends the watch. It leaves, then or later. */
  readonly cut: () => void;
}

export interface QueueMember {
  /** Something was queued. */
  grew(): void;
  leave(): void;
}

/** Beyond it, watchers are cut off until so much less is left that it isn't reached again at once. */
const keptShare = 0.75;
/** What is queued between two looks at all watchers, as a share of the bound. */
const lookShare = 1 / 32;

interface Member extends Queued {
  /** As of the last look or growth: what has drained since still counts. */
  known: number;
}

export function createWatchQueues(limitBytes: number): WatchQueues {
  const members = new Set<Member>();
  let total = 0;
  let nextLook = limitBytes;

  /** What really waits; sockets drain without telling. */
  function look(): void {
    total = 0;
    for (const member of members) {
      member.known = member.queued();
      total += member.known;
    }
    if (total > limitBytes) cutWorst();
    nextLook = Math.max(limitBytes, total + limitBytes * lookShare);
  }

  function cutWorst(): void {
    for (const member of [...members].toSorted((a, b) => b.known - a.known)) {
      if (total <= limitBytes * keptShare) return;
      leave(member);
      member.cut();
    }
  }

  function leave(member: Member): void {
    if (members.delete(member)) total -= member.known;
  }

  return {
    join(watcher) {
      const member: Member = { ...watcher, known: 0 };
      members.add(member);
      return {
        grew() {
          if (!members.has(member)) return;
          const now = member.queued();
          total += now - member.known;
          member.known = now;
          if (total > nextLook) look();
        },
        leave: () => { leave(member); },
      };
    },
  };
}
