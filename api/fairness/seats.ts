import { createQueueSet, type QueueLimits, type QueueSet } from './queue-set.ts';

/**
 * Who may work now: seats of a server, shared out among priority levels. Each level is sure of its own seats that it doesn't
 * lend; what others leave unused it may take as well. Pure: no clock, no I/O. Source: "API priority and fairness".
 */
export interface Seats {
  /**
   * Runs `start` at once or when it is the request's turn. `rejected`: neither now nor later. `width` counts as the level's
   * whole share when it is more.
   */
  ask(level: string, flow: string, width: number, start: () => void): Asked;
  /** The levels from now on. Who works or waits at one that is gone goes on. */
  configure(levels: ReadonlyMap<string, Level>): void;
  /** For metrics. */
  usage(): readonly Usage[];
}

export type Asked =
  | { readonly outcome: 'running' | 'waiting'; /** It is over, or doesn't wait any more. Once. */ readonly done: () => void }
  | { readonly outcome: 'rejected'; readonly reason: 'queue-full' | 'concurrency-limit' };

export type Level =
  | { readonly type: 'Exempt' }
  | {
    readonly type: 'Limited';
    readonly shares: number;
    readonly lendablePercent: number;
    /** Undefined: no limit. */
    readonly borrowingLimitPercent?: number;
    /** Undefined: who finds no seat is rejected. */
    readonly queuing?: QueueLimits;
  };

export interface Usage {
  readonly level: string;
  readonly nominal: number;
  readonly seatsInUse: number;
  readonly executing: number;
  readonly waiting: number;
}

interface Request {
  /** No more than the level's own seats, which may become fewer while it waits. */
  width: number;
  readonly start: () => void;
  state: 'waiting' | 'running' | 'over';
}

interface Room {
  config: Level;
  nominal: number;
  /** Seats that nobody else gets. */
  kept: number;
  most: number;
  inUse: number;
  executing: number;
  queues: QueueSet<Request> | undefined;
  /** No level any more: it goes once nobody is in it. */
  isGone: boolean;
}

function emptyRoom(config: Level): Room {
  return { config, nominal: 0, kept: 0, most: 0, inUse: 0, executing: 0, queues: undefined, isGone: false };
}

/** `total`: seats of the whole server. */
export function createSeats(total: number): Seats {
  const rooms = new Map<string, Room>();
  let inUse = 0;
  /** Each level has a seat of its own, however small its share: these may be more than `total`. */
  let capacity = total;
  /** Sum of what levels keep for themselves and don't use. */
  let reserved = 0;

  const unused = (room: Room): number => Math.max(0, room.kept - room.inUse);

  function fits(room: Room, width: number): boolean {
    if (room.config.type === 'Exempt' || room.inUse + width <= room.kept) return true;
    return room.inUse + width <= room.most && inUse + width <= capacity - (reserved - unused(room));
  }

  function change(room: Room, width: number): void {
    room.executing += Math.sign(width);
    if (room.config.type === 'Exempt') {
      room.inUse += width;
      return;
    }
    reserved -= unused(room);
    room.inUse += width;
    inUse += width;
    reserved += unused(room);
  }

  /** Those furthest below their share first. */
  function serveWaiting(): void {
    let isAny = false;
    for (const room of rooms.values()) isAny ||= (room.queues?.size ?? 0) > 0;
    if (!isAny) return;
    const hungry = [...rooms.values()].filter(({ queues }) => (queues?.size ?? 0) > 0).toSorted((a, b) => a.inUse / a.nominal - b.inUse / b.nominal);
    for (const room of hungry) {
      for (let next = room.queues?.peek(); next !== undefined; next = room.queues?.peek()) {
        if (room.config.type === 'Limited') next.width = Math.min(next.width, room.nominal);
        if (!fits(room, next.width)) break;
        room.queues?.take();
        begin(room, next);
      }
    }
  }

  function begin(room: Room, request: Request): void {
    request.state = 'running';
    change(room, request.width);
    request.start();
  }

  function count(): void {
    const limited = [...rooms.values()].filter(({ config }) => config.type === 'Limited');
    const sum = (of: (room: Room) => number): number => limited.reduce((all, room) => all + of(room), 0);
    capacity = Math.max(total, sum(({ nominal }) => nominal));
    reserved = sum(unused);
    inUse = sum((room) => room.inUse);
  }

  function leaveIfGone(name: string, room: Room): void {
    if (room.isGone && room.executing === 0 && (room.queues?.size ?? 0) === 0) rooms.delete(name);
  }

  function doneOf(name: string, room: Room, request: Request): () => void {
    return () => {
      const { state } = request;
      request.state = 'over';
      if (state === 'over') return;
      if (state === 'waiting') room.queues?.remove(request);
      else change(room, -request.width);
      if (room.isGone) {
        leaveIfGone(name, room);
        count();
      }
      serveWaiting();
    };
  }

  return {
    ask(name, flow, asked, start) {
      const room = rooms.get(name);
      if (room === undefined) return { outcome: 'rejected', reason: 'concurrency-limit' };
      const request: Request = { width: room.config.type === 'Exempt' ? asked : Math.min(asked, Math.max(1, room.nominal)), start, state: 'waiting' };
      const done = doneOf(name, room, request);
      if ((room.queues?.size ?? 0) === 0 && fits(room, request.width)) {
        begin(room, request);
        return { outcome: 'running', done };
      }
      if (room.queues === undefined) return { outcome: 'rejected', reason: 'concurrency-limit' };
      return room.queues.add(request, flow) ? { outcome: 'waiting', done } : { outcome: 'rejected', reason: 'queue-full' };
    },
    configure(levels) {
      const shares = [...levels.values()].reduce((sum, level) => sum + (level.type === 'Limited' ? level.shares : 0), 0);
      for (const [name, level] of levels) rooms.set(name, settle(rooms.get(name) ?? emptyRoom(level), level, total, shares));
      for (const [name, room] of rooms) room.isGone = !levels.has(name);
      for (const [name, room] of rooms) leaveIfGone(name, room);
      count();
      serveWaiting();
    },
    usage: () => [...rooms].map(([level, room]) => ({ level, nominal: room.nominal, seatsInUse: room.inUse, executing: room.executing, waiting: room.queues?.size ?? 0 })),
  };
}

function settle(room: Room, level: Level, total: number, shares: number): Room {
  const before = room.config;
  room.config = level;
  room.isGone = false;
  if (level.type === 'Exempt') return room;
  room.nominal = Math.max(1, Math.floor(total * level.shares / Math.max(1, shares)));
  room.kept = room.nominal - Math.floor(room.nominal * level.lendablePercent / 100);
  room.most = level.borrowingLimitPercent === undefined ? total : room.nominal + Math.floor(room.nominal * level.borrowingLimitPercent / 100);
  const was = before.type === 'Limited' ? before.queuing : undefined;
  const isSame = was?.queues === level.queuing?.queues && was?.handSize === level.queuing?.handSize && was?.queueLengthLimit === level.queuing?.queueLengthLimit;
  if (room.queues !== undefined && (isSame || room.queues.size > 0)) return room;
  room.queues = level.queuing === undefined ? undefined : createQueueSet(level.queuing);
  return room;
}
