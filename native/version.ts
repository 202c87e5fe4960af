/**
 * Which versions of `protocol.h` may meet. Supervisors outlive the agent that started them, so an upgraded agent drives older
 * ones by what they know, and one that was set back meets newer ones. Rules: docs/decisions/0011.
 */
import { NativeError, type PayloadReader } from './frame.ts';

/** What this agent speaks; `PROTOCOL_VERSION` in `protocol.h`. */
export const protocolVersion = 9;

/** The oldest that this agent drives. `coracle-host` is built and started with its agent; a supervisor may be of any age. */
export const oldestDriven = { 'coracle-pod': 1, 'coracle-host': 9 } as const;

/** The version that each request to a supervisor came with: an older one would not know it. A field that comes later is checked for where it is written. */
const requestSince = { podHello: 1, podConfigure: 1, podStart: 1, podSignal: 1, podRemove: 1, podExec: 1, podAttach: 1, podDial: 1, podResize: 3 } as const;
/** The same for fields of requests. */
const fieldSince = { joins: 3, imageMounts: 4, cgroupFiles: 6, runtime: 8, recursiveReadOnly: 9, project: 9 } as const;
export type PodField = keyof typeof fieldSince;
export type PodRequest = keyof typeof requestSince;
/** They never change: whatever version a supervisor speaks, what it runs can be looked at and ended. */
const everlasting: readonly PodRequest[] = ['podHello', 'podSignal'];

/** What the other end says of itself. */
export interface Speaker {
  readonly version: number;
  /** The oldest agent that may drive it. */
  readonly oldestAgent: number;
}

/** The first version's programs say nothing. */
export const firstVersion: Speaker = { version: 1, oldestAgent: 1 };

/** The end of a hello's answer. */
export function readSpeaker(reader: PayloadReader): Speaker {
  return reader.hasMore() ? { version: reader.u32(), oldestAgent: reader.u32() } : firstVersion;
}

/** Why this agent can't drive `program`, with what to do about it; undefined when it can. */
export function refusalOf(program: keyof typeof oldestDriven, { version, oldestAgent }: Speaker): string | undefined {
  const speaks = `${program} speaks version ${version} of the protocol`;
  if (oldestAgent > protocolVersion) return `${speaks} and needs an agent of version ${oldestAgent} or newer, this one has ${protocolVersion}: ${remedy(program, 'go back to the newer Coracle')}`;
  if (version >= oldestDriven[program]) return undefined;
  return `${speaks}, which is too old for this agent: it needs ${oldestDriven[program]} or newer: ${remedy(program, 'go back to the older Coracle')}`;
}

function remedy(program: keyof typeof oldestDriven, otherwise: string): string {
  return program === 'coracle-host' ? "build it anew with 'npm run setup'" : `delete the pod to have it started anew, or ${otherwise}`;
}

/** Throws `Incompatible` when this supervisor must not be asked for `request`. */
export function requireRequest(request: PodRequest, supervisor: Speaker): void {
  const refusal = everlasting.includes(request) ? undefined : refusalOf('coracle-pod', supervisor);
  if (refusal !== undefined) throw new NativeError('Incompatible', refusal);
  requireVersion(supervisor, request, requestSince[request]);
}

/** Throws `Incompatible` when this supervisor would ignore a field of a request. */
export function requireField(field: PodField, supervisor: Speaker): void {
  requireVersion(supervisor, field, fieldSince[field]);
}

/** Whether this supervisor reads a field: for those that a container may go without. */
export function knowsField(field: PodField, supervisor: Speaker): boolean {
  return supervisor.version >= fieldSince[field];
}

function requireVersion(supervisor: Speaker, what: string, since: number): void {
  if (supervisor.version >= since) return;
  throw new NativeError('Incompatible', `the pod's supervisor speaks version ${supervisor.version} of the protocol and does not know ${what}, which came with ${since}: delete the pod to have it started anew`);
}
