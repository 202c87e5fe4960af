import { Path } from '../../../machinery/field-path.ts';
import { DaemonSet } from '../../../machinery/kinds/apps.ts';
import type { Draft } from '../../../machinery/kinds/wire.ts';
import { count, labelsText, templateColumns, text } from '../columns.ts';
import { defaultTemplate } from '../core/pod/template.ts';
import { podWarnings } from '../core/pod/warnings.ts';
import { age, defineResource, name } from '../define.ts';
import { same } from '../immutable.ts';
import { validateDaemonSet, validateDaemonSetStatusUpdate } from './daemon-set/validate.ts';

/** Counts the changes of the template, as a field of earlier versions did. */
const templateGeneration = 'deprecated.daemonset.template.generation';

/** Source: "DaemonSet v1 apps", defaults. */
function defaultDaemonSet(draft: Draft<DaemonSet>): void {
  const spec = (draft.spec ??= { selector: {}, template: {} });
  const strategy = (spec.updateStrategy ??= {});
  strategy.type ??= 'RollingUpdate';
  if (strategy.type === 'RollingUpdate') {
    const rolling = (strategy.rollingUpdate ??= {});
    rolling.maxUnavailable ??= 1;
    rolling.maxSurge ??= 0;
  }
  spec.revisionHistoryLimit ??= 10;
  defaultTemplate(spec);
}

function setTemplateGeneration(draft: Draft<DaemonSet>, generation: number): void {
  draft.metadata = { ...draft.metadata, annotations: { ...draft.metadata?.annotations, [templateGeneration]: String(generation) } };
}

/** Source: "DaemonSet". */
export const daemonSet = defineResource(DaemonSet, {
  shortNames: ['ds'],
  categories: ['all'],
  generation: true,
  status: true,
  columns: [
    name(),
    count('Desired', 'Nodes that should run a pod of it.', (object) => object.status?.desiredNumberScheduled ?? 0),
    count('Current', 'Nodes that run one, of those that should.', (object) => object.status?.currentNumberScheduled ?? 0),
    count('Ready', 'Nodes with a ready pod of it.', (object) => object.status?.numberReady ?? 0),
    count('Up-to-date', 'Nodes with a pod of the newest template.', (object) => object.status?.updatedNumberScheduled ?? 0),
    count('Available', 'Nodes with a pod that has been ready for long enough.', (object) => object.status?.numberAvailable ?? 0),
    text('Node Selector', 'Which nodes should run a pod of it.', (object) => labelsText(object.spec?.template?.spec?.nodeSelector)),
    age(),
    ...templateColumns<DaemonSet>(),
  ],
  defaults: defaultDaemonSet,
  prepareForCreate(draft) {
    draft.status = { currentNumberScheduled: 0, desiredNumberScheduled: 0, numberMisscheduled: 0, numberReady: 0 };
    const { annotations = {} } = draft.metadata ?? {};
    setTemplateGeneration(draft, Math.max(1, Number.parseInt(annotations[templateGeneration] ?? '1', 10) || 1));
  },
  prepareForUpdate(draft, old) {
    const before = Number.parseInt(old.metadata?.annotations?.[templateGeneration] ?? '0', 10) || 0;
    setTemplateGeneration(draft, same(draft.spec?.template, old.spec?.template) ? before : before + 1);
  },
  validate: validateDaemonSet,
  validateStatusUpdate: validateDaemonSetStatusUpdate,
  warnings: (object) => podWarnings(object.spec?.template, new Path('spec.template')),
});
