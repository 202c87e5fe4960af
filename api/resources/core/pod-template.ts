import { Path } from '../../../machinery/field-path.ts';
import { PodTemplate } from '../../../machinery/kinds/core.ts';
import { joined, labelsText, text } from '../columns.ts';
import { defineResource, name } from '../define.ts';
import { defaultTemplate, validateTemplate } from './pod/template.ts';
import { podWarnings } from './pod/warnings.ts';

const containers = ({ template }: PodTemplate) => template?.spec?.containers ?? [];

/** Source: "PodTemplate", core/v1. */
export const podTemplate = defineResource(PodTemplate, {
  generation: true,
  columns: [
    name(),
    text('Containers', "Names of the template's containers.", (object) => joined(containers(object).map((container) => container.name))),
    text('Images', "Images of the template's containers.", (object) => joined(containers(object).map((container) => container.image ?? ''))),
    text('Pod Labels', 'Labels of pods made of it.', (object) => labelsText(object.template?.metadata?.labels)),
  ],
  defaults: defaultTemplate,
  validate: (object) => validateTemplate(object.template ?? {}, new Path('template')),
  warnings: (object) => podWarnings(object.template, new Path('template')),
});
