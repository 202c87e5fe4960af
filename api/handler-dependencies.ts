import { randomBytes, randomInt, randomUUID } from 'node:crypto';
import { backgroundClock } from '../machinery/clock.ts';
import type { ClusterAuthenticator } from './access/authentication.ts';
import type { Pki } from './access/pki.ts';
import type { ClusterAuthorizer } from './access/rbac.ts';
import { reviewHandlers } from './access/reviews.ts';
import { admissionPlugins } from './admission/all.ts';
import { createAdmission } from './admission/admission.ts';
import { createQuotas } from './admission/resource-quota.ts';
import type { ConfiguredAdmission } from './admission/configured.ts';
import { authorize } from './dispatch.ts';
import type { HandlerDependencies } from './handlers/all.ts';
import { serviceAddresses } from './handlers/service-addresses.ts';
import { issueToken } from './handlers/subresources/token.ts';
import { handlerKey, type Codec } from './handlers/writer.ts';
import type { ProtobufEncoder } from './http/protobuf/encode.ts';
import type { Registry } from './registry.ts';
import type { Handler } from './request.ts';
import type { NodeUsages } from './resource-metrics/ask-nodes.ts';
import { resources } from './resources/all.ts';
import type { Resource } from './resources/define.ts';
import { node } from './resources/core/node.ts';
import { pod } from './resources/core/pod.ts';
import { prefixOf } from './store/entry.ts';
import type { Caches } from './store/cache.ts';
import { createSharedLeases, withSharedLeases } from './store/shared-leases.ts';
import type { Store } from './store/store.ts';

const suffixLetters = 'bcdfghjklmnpqrstvwxz2456789';

/** What is there before anything can be asked. */
export interface Ground {
  readonly codec: Codec;
  readonly protobuf: ProtobufEncoder;
  readonly registry: Registry;
  readonly caches: Caches;
  readonly authorizer: ClusterAuthorizer;
}

/** What handlers, admission and the seeding of a cluster work with. */
export function handlerDependencies(
  { pki, store: shared }: { readonly pki: Pki; readonly store: Store }, { codec, registry, caches, authorizer }: Ground,
  authenticator: ClusterAuthenticator, configured: ConfiguredAdmission, usages: NodeUsages,
): HandlerDependencies {
  const leases = createSharedLeases(shared, backgroundClock);
  const store = withSharedLeases(shared, leases);
  const admission = createAdmission(admissionPlugins({ authorizer, nameSuffix, configured: configured.plugins }));
  const reviews = reviewHandlers({ authorizer, authenticator, codec, caches, admission });
  const reviewed = resources.filter(({ stored }) => !stored).flatMap((resource): [string, Handler][] => {
    const handler = reviews[resource.plural];
    return handler === undefined ? [] : [[handlerKey(resource), handler]];
  });
  const token: Handler = (call) => issueToken({ pki, caches, codec, admission, now: Date.now, uuid: randomUUID }, call);
  return {
    store, caches, codec, random, nameSuffix, admission, usages,
    now: Date.now,
    uuid: randomUUID,
    setTimer: backgroundClock.setTimer,
    companions: new Map([['services.', serviceAddresses({ store, random })]]),
    quotas: createQuotas({ caches, codec }),
    leaseFor: (ttlSeconds) => leases.leaseFor(ttlSeconds),
    authorize: (user, info) => { authorize(authorizer, user, info); },
    versionsOf: (resource) => versionsOf(registry, resource),
    nodes: node,
    pods: pod,
    special: new Map([...reviewed, ['serviceaccounts./token', token]]),
  };
}

/** The resources that serve the same objects, in their versions. */
export function versionsOf({ resources: all }: Registry, resource: Resource): readonly Resource[] {
  // By where they are stored: a definition may have been taken up anew since the request came.
  return all.filter((one) => prefixOf(one) === prefixOf(resource));
}

/** In [0, 1). */
export function random(): number {
  return randomInt(2 ** 32) / 2 ** 32;
}

function nameSuffix(): string {
  return Array.from(randomBytes(5), (byte) => suffixLetters[byte % suffixLetters.length]).join('');
}
