import type { StatefulSet } from '../../../../machinery/kinds/apps.ts';
import type { Draft } from '../../../../machinery/kinds/wire.ts';
import { defaultClaim } from '../../core/persistent-volume-claim/defaults.ts';
import { defaultTemplate } from '../../core/pod/template.ts';

/** Source: "StatefulSet v1 apps", defaults. */
export function defaultStatefulSet(draft: Draft<StatefulSet>): void {
  const spec = (draft.spec ??= { selector: {}, template: {} });
  spec.podManagementPolicy ??= 'OrderedReady';
  const strategy = (spec.updateStrategy ??= {});
  strategy.type ??= 'RollingUpdate';
  if (strategy.type === 'RollingUpdate') {
    const rolling = (strategy.rollingUpdate ??= {});
    rolling.partition ??= 0;
  }
  const retention = (spec.persistentVolumeClaimRetentionPolicy ??= {});
  retention.whenDeleted ??= 'Retain';
  retention.whenScaled ??= 'Retain';
  spec.replicas ??= 1;
  spec.revisionHistoryLimit ??= 10;
  defaultTemplate(spec);
  for (const claim of spec.volumeClaimTemplates ?? []) {
    claim.apiVersion = 'v1';
    claim.kind = 'PersistentVolumeClaim';
    defaultClaim(claim);
  }
}
