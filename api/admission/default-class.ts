import { PersistentVolumeClaim } from '../../machinery/kinds/core.ts';
import type { Kind, KubernetesObject } from '../../machinery/kinds/kind.ts';
import { Ingress, IngressClass } from '../../machinery/kinds/networking.ts';
import { StorageClass } from '../../machinery/kinds/storage.ts';
import type { Draft } from '../../machinery/kinds/wire.ts';
import { namesStorageClass } from '../../machinery/storage-class-name.ts';
import { isDefaultClass } from '../resources/storage/storage-class.ts';
import type { Caches } from '../store/cache.ts';
import type { AdmissionPlugin } from './admission.ts';

/** Who asks for no class gets the default one. Source: "Default StorageClass", "Default IngressClass". */

const ingressAnnotation = 'ingressclass.kubernetes.io/is-default-class';
const olderIngressClass = 'kubernetes.io/ingress.class';

export const defaultStorageClass: AdmissionPlugin = {
  name: 'DefaultStorageClass',
  handles: ({ operation, resource, subresource }) => operation === 'CREATE' && subresource === '' && resource.group === PersistentVolumeClaim.group && resource.plural === PersistentVolumeClaim.plural,
  mutate({ caches }, draft) {
    const claim = draft as Draft<PersistentVolumeClaim>;
    if (namesStorageClass(claim.metadata, claim.spec?.storageClassName)) return;
    const name = defaultOf(caches, StorageClass, isDefaultClass);
    if (name !== undefined) claim.spec = { ...claim.spec, storageClassName: name };
  },
};

export const defaultIngressClass: AdmissionPlugin = {
  name: 'DefaultIngressClass',
  handles: ({ operation, resource, subresource }) => operation === 'CREATE' && subresource === '' && resource.group === Ingress.group && resource.plural === Ingress.plural,
  mutate({ caches }, draft) {
    const ingress = draft as Draft<Ingress>;
    if (ingress.spec?.ingressClassName !== undefined || ingress.metadata?.annotations?.[olderIngressClass] !== undefined) return;
    const name = defaultOf(caches, IngressClass, ({ metadata }) => metadata?.annotations?.[ingressAnnotation] === 'true');
    if (name !== undefined) ingress.spec = { ...ingress.spec, ingressClassName: name };
  },
};

/** Of several the newest, then the first by name. */
function defaultOf<T extends KubernetesObject>(caches: Caches, kind: Kind<T>, isDefault: (object: T) => boolean): string | undefined {
  const defaults = [...caches.of(kind).list()].map(({ object }) => object).filter(isDefault).map(({ metadata = {} }) => metadata);
  const [first] = defaults.toSorted((a, b) => compareText(b.creationTimestamp ?? '', a.creationTimestamp ?? '') || compareText(a.name ?? '', b.name ?? ''));
  return first?.name;
}

function compareText(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}
