import { PersistentVolume, PersistentVolumeClaim } from '../../machinery/kinds/core.ts';
import type { AdmissionPlugin } from './admission.ts';

/** Claims and volumes outlast their users. Source: "Storage object in use protection"; the finalizers are taken off by controllers. */
const finalizers: Readonly<Record<string, string>> = { [PersistentVolumeClaim.plural]: 'kubernetes.io/pvc-protection', [PersistentVolume.plural]: 'kubernetes.io/pv-protection' };

export const storageObjectInUseProtection: AdmissionPlugin = {
  name: 'StorageObjectInUseProtection',
  handles: ({ operation, resource: { group, plural }, subresource }) => operation === 'CREATE' && subresource === '' && group === '' && Object.hasOwn(finalizers, plural),
  mutate({ resource }, draft) {
    const finalizer = finalizers[resource.plural] ?? '';
    const { finalizers: present = [] } = draft.metadata ?? {};
    if (!present.includes(finalizer)) draft.metadata = { ...draft.metadata, finalizers: [...present, finalizer] };
  },
};
