import type { Deployment } from '../../../../machinery/kinds/apps.ts';
import type { Draft } from '../../../../machinery/kinds/wire.ts';
import { defaultTemplate } from '../../core/pod/template.ts';

/** Source: "Deployment v1 apps", defaults. */
export function defaultDeployment(draft: Draft<Deployment>): void {
  const spec = (draft.spec ??= { selector: {}, template: {} });
  spec.replicas ??= 1;
  spec.revisionHistoryLimit ??= 10;
  spec.progressDeadlineSeconds ??= 600;
  const strategy = (spec.strategy ??= {});
  strategy.type ??= 'RollingUpdate';
  if (strategy.type === 'RollingUpdate') {
    const rolling = (strategy.rollingUpdate ??= {});
    rolling.maxUnavailable ??= '25%';
    rolling.maxSurge ??= '25%';
  }
  defaultTemplate(spec);
}
