import { PersistentVolume } from '../machinery/kinds/core.ts';
import { defineController, type Controller } from './define.ts';
import { update, type Step } from './steps.ts';

/** Lets a volume that is being deleted go once no claim is bound to it. Source: "Storage object in use protection". */

const finalizer = 'kubernetes.io/pv-protection';

export function pvProtectionController(): Controller {
  return defineController<PersistentVolume, undefined>({
    name: 'pv-protection', component: 'pv-protection-controller', primary: PersistentVolume, watches: [],
    selects: (volume) => volume.metadata?.deletionTimestamp !== undefined,
    observe: () => undefined,
    plan,
  });
}

export function plan(volume: PersistentVolume): readonly Step[] {
  const { deletionTimestamp, finalizers = [] } = volume.metadata ?? {};
  if (deletionTimestamp === undefined || !finalizers.includes(finalizer) || volume.status?.phase === 'Bound') return [];
  return [update(PersistentVolume, { ...volume, metadata: { ...volume.metadata, finalizers: finalizers.filter((one) => one !== finalizer) } })];
}
