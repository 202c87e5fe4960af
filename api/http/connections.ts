import { Agent } from 'node:http';
import { Agent as TlsAgent } from 'node:https';
import type { ProxyTarget } from '../request.ts';

/** Connections to other servers that outlive a request: a TLS handshake costs more than most of the requests. */
export interface Connections {
  to(target: Pick<ProxyTarget, 'tls'>): Agent;
  /** Ends those that nobody uses. */
  close(): void;
}

/** Shorter than most servers wait: what they are about to close is no longer used. */
const idleMs = 30_000;
const mostIdlePerServer = 16;

export function createConnections(): Connections {
  const options = { keepAlive: true, maxFreeSockets: mostIdlePerServer, timeout: idleMs };
  const plain = new Agent(options);
  // Node tells connections apart by their authorities and certificates, but not by whose names were looked at.
  const [named, nameless] = [new TlsAgent(options), new TlsAgent(options)];
  return {
    to({ tls }) {
      if (tls === undefined) return plain;
      return tls !== 'agent' && tls.isNameChecked ? named : nameless;
    },
    close() {
      for (const agent of [plain, named, nameless]) agent.destroy();
    },
  };
}
