import { PersistentVolumeClaim, Pod } from '../machinery/kinds/core.ts';
import { isTerminal } from '../machinery/pod/readiness.ts';
import { addressKey } from '../client/informer-store.ts';
import { defineController, watching, type Controller } from './define.ts';
import { update, type Step } from './steps.ts';

/** Lets a claim that is being deleted go once no pod uses it any more. Source: "Storage object in use protection". */

const finalizer = 'kubernetes.io/pvc-protection';

export function pvcProtectionController(): Controller {
  return defineController<PersistentVolumeClaim, { readonly inUse: boolean }>({
    name: 'pvc-protection',
    component: 'pvc-protection-controller',
    primary: PersistentVolumeClaim,
    selects: (claim) => claim.metadata?.deletionTimestamp !== undefined,
    watches: [watching(Pod, (pod) => claimsOf(pod).map((name) => addressKey(pod.metadata?.namespace, name)), (_before, after) => after === undefined || isTerminal(after))],
    async observe(claim, { client, signal }) {
      const { namespace = '', name = '' } = claim.metadata ?? {};
      if (!isHeld(claim)) return { inUse: true };
      // Asked of the API itself: a cache that lags must not let a claim go.
      const { items } = await client.list(Pod, { namespace, signal });
      return { inUse: items.some((pod) => !isTerminal(pod) && claimsOf(pod).includes(name)) };
    },
    plan,
  });
}

/** Those that it names, and those that are made for it. Source: "Ephemeral volumes: generic ephemeral volumes". */
function claimsOf({ metadata, spec }: Pod): string[] {
  return (spec?.volumes ?? []).flatMap(({ name, persistentVolumeClaim, ephemeral }) => {
    if (persistentVolumeClaim !== undefined) return [persistentVolumeClaim.claimName];
    return ephemeral === undefined ? [] : [`${metadata?.name ?? ''}-${name}`];
  });
}

function isHeld({ metadata }: PersistentVolumeClaim): boolean {
  return metadata?.deletionTimestamp !== undefined && (metadata.finalizers ?? []).includes(finalizer);
}

export function plan(claim: PersistentVolumeClaim, { inUse }: { readonly inUse: boolean }): readonly Step[] {
  if (inUse || !isHeld(claim)) return [];
  return [update(PersistentVolumeClaim, { ...claim, metadata: { ...claim.metadata, finalizers: (claim.metadata?.finalizers ?? []).filter((one) => one !== finalizer) } })];
}
