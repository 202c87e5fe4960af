import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Client } from '../../client/client.ts';
import { runElected } from '../../client/leader-election.ts';
import type { Log } from '../../client/log.ts';
import { systemClock } from '../../machinery/clock.ts';
import type { Component } from './components.ts';

/** A component that runs while this process holds the Lease `kube-system/<name>`, as of several servers one does the work. */
export function elected(client: Client, name: string, log: Log, component: Component): Component {
  const identity = `${hostname()}_${randomUUID()}`;
  return {
    run: (signal) => runElected(client, { namespace: 'kube-system', name, identity, clock: systemClock, log }, (office) => component.run(office), signal),
  };
}
