import type { Clock } from '../../machinery/clock.ts';
import { ServiceAccount, type Pod } from '../../machinery/kinds/core.ts';
import type { Client } from '../../client/client.ts';
import type { PayloadSources } from './payload.ts';

type TokenProjection = Parameters<PayloadSources['token']>[0];

interface Held {
  readonly token: string;
  readonly refreshAt: number;
}

/** Tokens of one pod's projected volumes. Behaviour: "ServiceAccount token volume projection": renewed at 80 % of its life or after a day. */
export interface PodTokens {
  token(projection: TokenProjection): Promise<string>;
  /** When the first of them is to be renewed; `undefined` while there is none. */
  refreshAt(): number | undefined;
}

const defaultSeconds = 3600;
const longestMs = 24 * 3600 * 1000;
const lifeUsed = 0.8;
const requestDeadlineMs = 10_000;

export function createPodTokens(client: Client, clock: Clock, pod: Pod): PodTokens {
  const held = new Map<string, Held>();
  const { namespace = '', name = '', uid = '' } = pod.metadata ?? {};
  const account = pod.spec?.serviceAccountName ?? 'default';

  async function request(projection: TokenProjection): Promise<Held> {
    const answer = await client.createSubresource(ServiceAccount, { namespace, name: account }, 'token', {
      apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest',
      spec: {
        audiences: projection.audience === undefined || projection.audience === '' ? [] : [projection.audience],
        expirationSeconds: projection.expirationSeconds ?? defaultSeconds,
        boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, uid },
      },
    }, { signal: AbortSignal.timeout(requestDeadlineMs) });
    const { token, expirationTimestamp } = statusOf(answer);
    const now = clock.now();
    const life = Math.min((Date.parse(expirationTimestamp) - now) * lifeUsed, longestMs);
    return { token, refreshAt: now + Math.max(life, 0) };
  }

  return {
    async token(projection) {
      const key = `${projection.audience ?? ''}/${projection.expirationSeconds ?? defaultSeconds}`;
      const known = held.get(key);
      if (known !== undefined && known.refreshAt > clock.now()) return known.token;
      const fresh = await request(projection);
      held.set(key, fresh);
      return fresh.token;
    },
    refreshAt: () => (held.size === 0 ? undefined : Math.min(...[...held.values()].map((each) => each.refreshAt))),
  };
}

function statusOf(answer: object): { readonly token: string; readonly expirationTimestamp: string } {
  const status: unknown = Reflect.get(answer, 'status');
  if (typeof status !== 'object' || status === null || !('token' in status) || !('expirationTimestamp' in status)
    || typeof status.token !== 'string' || typeof status.expirationTimestamp !== 'string') {
    throw new TypeError('the API answered a token request without a token');
  }
  return { token: status.token, expirationTimestamp: status.expirationTimestamp };
}
