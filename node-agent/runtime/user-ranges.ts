/** The host's user and group ids that pods with a user namespace of their own get. Pure. */
import { usersPerPod } from '../../native/host.ts';

/** Ids of the host from `first` on, `count` of them. */
export interface IdRange {
  readonly first: number;
  readonly count: number;
}

/** Ranges of `usersPerPod` ids, each one pod's at a time. */
export interface UserRanges {
  /** The first id of a free range; undefined when there is none. */
  take(): number | undefined;
  /** Marks an adopted pod's range. */
  reserve(first: number): void;
  free(first: number): void;
}

/** The first range is the host's own. Group ids above 2^31 - 1 can't be given the right to send pings (ping_group_range). */
const rangeCount = 2 ** 31 / usersPerPod - 1;

/**
 * `delegated`: what the machine has promised to others, and no pod gets. `start`, from 0 to 1, says where the circle begins in
 * which ranges are handed out: nodes that share a machine begin at different places, so that they hardly ever meet.
 */
export function createUserRanges(delegated: readonly IdRange[], start: number): UserRanges {
  const taken = new Set<number>();
  let next = Math.floor(start * rangeCount);
  const isPromised = (first: number): boolean => delegated.some((range) => range.first < first + usersPerPod && first < range.first + range.count);
  return {
    take() {
      for (let tries = 0; tries < rangeCount; tries += 1) {
        const first = (next + 1) * usersPerPod;
        next = (next + 1) % rangeCount;
        if (taken.has(first) || isPromised(first)) continue;
        taken.add(first);
        return first;
      }
      return undefined;
    },
    reserve(first) {
      taken.add(first);
    },
    free(first) {
      taken.delete(first);
    },
  };
}

/** What `/etc/subuid` and `/etc/subgid` promise to users. Lines that make no sense promise nothing. Source: subuid(5). */
export function delegatedRanges(text: string): readonly IdRange[] {
  return text.split('\n').flatMap((line) => {
    const [, first, count] = /^[^:#]+:(\d+):(\d+)\s*$/.exec(line) ?? [];
    return first === undefined ? [] : [{ first: Number(first), count: Number(count) }];
  });
}
