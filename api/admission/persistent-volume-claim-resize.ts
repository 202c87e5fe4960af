import { PersistentVolumeClaim } from '../../machinery/kinds/core.ts';
import { StorageClass } from '../../machinery/kinds/storage.ts';
import { compare, parseQuantity, zero } from '../../machinery/quantity.ts';
import { storageClassOf } from '../../machinery/storage-class-name.ts';
import { refused } from '../access/refused.ts';
import { targetOf, type AdmissionPlugin } from './admission.ts';

/** Claims grow only where their class lets them. Source: "Resizing persistent volumes"; wording: the PersistentVolumeClaimResize plug-in of kube-apiserver. */
export const persistentVolumeClaimResize: AdmissionPlugin = {
  name: 'PersistentVolumeClaimResize',
  handles: ({ operation, resource: { group, plural }, subresource }) => operation === 'UPDATE' && subresource === '' && group === PersistentVolumeClaim.group && plural === PersistentVolumeClaim.plural,
  validate(write, object) {
    const { old, caches } = write;
    const [before, after] = [old as PersistentVolumeClaim, object as PersistentVolumeClaim];
    if (compare(sizeOf(after), sizeOf(before)) <= 0) return;
    if (before.status?.phase !== 'Bound') throw refused(targetOf(write), 'Only bound persistent volume claims can be expanded');
    const className = storageClassOf(after.metadata, after.spec?.storageClassName);
    const stays = className !== '' && className === storageClassOf(before.metadata, before.spec?.storageClassName);
    if (stays && caches.of(StorageClass).get(undefined, className)?.object.allowVolumeExpansion === true) return;
    throw refused(targetOf(write), 'only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize');
  },
};

function sizeOf({ spec }: PersistentVolumeClaim) {
  return parseQuantity(spec?.resources?.requests?.['storage'] ?? '0') ?? zero;
}
