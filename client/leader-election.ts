import { microTimestamp } from '../machinery/conditions.ts';
import { pause, systemRandom, type Clock, type Random } from '../machinery/clock.ts';
import { Lease } from '../machinery/kinds/cluster.ts';
import { isReason } from '../machinery/status.ts';
import type { Client } from './client.ts';
import { silentLog, type Log } from './log.ts';

/** One of several processes does the work: who holds a Lease. Source: "Leases", leader election; the timings are client-go's. */

export interface ElectionOptions {
  readonly namespace: string;
  readonly name: string;
  /** Unique to this process. */
  readonly identity: string;
  readonly clock: Clock;
  readonly random?: Random;
  readonly log?: Log;
  /** How long others wait after the last renewal before they take over. */
  readonly leaseMs?: number;
  /** How long the holder tries to renew before it gives up. */
  readonly renewWithinMs?: number;
  readonly retryMs?: number;
}

interface Election {
  readonly client: Client;
  readonly options: ElectionOptions;
  readonly leaseMs: number;
  readonly renewWithinMs: number;
  readonly retryMs: number;
  readonly log: Log;
  readonly random: Random;
  /** The holder's last word, and when we saw it: clocks of different machines are never compared. */
  observed: { readonly version: string; readonly at: number } | undefined;
}

/**
 * Runs `lead` while this process holds the Lease. When the Lease is lost, `lead`'s signal aborts; once it has ended, the process
 * stands for election again. Resolves when `signal` aborts and `lead` has ended; the Lease is then given back.
 */
export async function runElected(client: Client, options: ElectionOptions, lead: (signal: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void> {
  const election: Election = {
    client, options, observed: undefined, log: options.log ?? silentLog, random: options.random ?? systemRandom,
    leaseMs: options.leaseMs ?? 15_000, renewWithinMs: options.renewWithinMs ?? 10_000, retryMs: options.retryMs ?? 2_000,
  };
  while (!signal.aborted) {
    if (await attempt(election, signal)) await holdOffice(election, lead, signal);
    else await wait(election, signal);
  }
}

/** Jittered; an abort ends it early. */
async function wait(election: Election, signal: AbortSignal): Promise<void> {
  await pause(election.options.clock, election.retryMs * (1 + 0.2 * election.random()), signal).catch(() => undefined);
}

async function holdOffice(election: Election, lead: (signal: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void> {
  const { identity, name } = election.options;
  const lost = new AbortController();
  const office = AbortSignal.any([signal, lost.signal]);
  election.log.info({ lease: name, identity }, 'this process leads');
  const ended = new AbortController();
  const leading = lead(office).finally(() => ended.abort());
  try {
    await renewUntilLost(election, AbortSignal.any([office, ended.signal]));
  } finally {
    lost.abort(new Error(`the lease ${name} is lost`));
    await leading;
    if (signal.aborted) await release(election);
    else election.log.warn({ lease: name, identity }, 'this process leads no longer');
  }
}

async function renewUntilLost(election: Election, signal: AbortSignal): Promise<void> {
  const { clock } = election.options;
  let renewedAt = clock.now();
  while (!signal.aborted) {
    await wait(election, signal);
    if (signal.aborted) return;
    const deadline = new AbortController();
    const cancel = clock.setTimer(Math.max(0, renewedAt + election.renewWithinMs - clock.now()), () => deadline.abort());
    const askedAt = clock.now();
    const renewed = await attempt(election, AbortSignal.any([signal, deadline.signal]));
    cancel();
    if (renewed) renewedAt = askedAt;
    else if (deadline.signal.aborted || clock.now() - renewedAt >= election.renewWithinMs) return;
  }
}

/** Takes or renews the Lease; false when another holds it, or the API can't be had. */
async function attempt(election: Election, signal: AbortSignal): Promise<boolean> {
  const { namespace, name } = election.options;
  try {
    const lease = await election.client.get(Lease, { namespace, name }, signal).catch((error: unknown) => {
      if (isReason(error, 'NotFound')) return undefined;
      throw error;
    });
    if (lease === undefined) {
      await election.client.create(Lease, { metadata: { namespace, name }, spec: term(election, undefined) }, { signal });
      return true;
    }
    if (!mayTake(election, lease)) return false;
    await election.client.update(Lease, { ...lease, spec: term(election, lease) }, { signal });
    return true;
  } catch (error) {
    if (!signal.aborted && !isReason(error, 'Conflict', 'AlreadyExists')) election.log.warn({ err: error, lease: name }, 'the lease could not be renewed');
    return false;
  }
}

/** Is it ours, nobody's, or has its holder been silent for the lease's duration? */
function mayTake(election: Election, lease: Lease): boolean {
  const now = election.options.clock.now();
  const holder = lease.spec?.holderIdentity ?? '';
  if (holder === '' || holder === election.options.identity) return true;
  const version = `${holder}\0${lease.spec?.renewTime ?? ''}`;
  if (election.observed?.version !== version) election.observed = { version, at: now };
  const durationMs = (lease.spec?.leaseDurationSeconds ?? election.leaseMs / 1000) * 1000;
  return now - election.observed.at >= durationMs;
}

function term(election: Election, before: Lease | undefined): NonNullable<Lease['spec']> {
  const now = microTimestamp(election.options.clock.now());
  const { identity } = election.options;
  const kept = before?.spec?.holderIdentity === identity;
  const transitions = before?.spec?.leaseTransitions ?? 0;
  return {
    holderIdentity: identity, leaseDurationSeconds: Math.round(election.leaseMs / 1000), renewTime: now,
    acquireTime: kept ? before.spec?.acquireTime ?? now : now,
    leaseTransitions: kept || before === undefined ? transitions : transitions + 1,
  };
}

/** Gives the Lease back, so that the next one need not wait; failing that, it runs out by itself. */
async function release(election: Election): Promise<void> {
  const { namespace, name, identity } = election.options;
  try {
    const lease = await election.client.get(Lease, { namespace, name });
    if (lease.spec?.holderIdentity !== identity) return;
    await election.client.update(Lease, { ...lease, spec: { ...lease.spec, holderIdentity: '', leaseDurationSeconds: 1 } });
  } catch (error) {
    election.log.warn({ err: error, lease: name }, 'the lease could not be given back');
  }
}
