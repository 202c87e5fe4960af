import { invalid, Path } from '../../../machinery/field-path.ts';
import { DeviceClass } from '../../../machinery/kinds/dynamic-resources.ts';
import { qualifiedName } from '../../../machinery/names.ts';
import { defineResource } from '../define.ts';
import { maxConfigurations, validateConfiguration, validateSelectors } from './configuration.ts';
import { bounded } from './names.ts';

/** Source: "Dynamic resource allocation". */
export const deviceClass = defineResource(DeviceClass, {
  generation: true,
  validate({ spec }) {
    const path = new Path('spec');
    const { extendedResourceName } = spec ?? {};
    return [
      ...validateSelectors(spec?.selectors, path.child('selectors')),
      ...bounded(spec?.config, maxConfigurations, path.child('config'), validateConfiguration),
      ...(extendedResourceName === undefined || isExtended(extendedResourceName) ? [] : [invalid(path.child('extendedResourceName'), extendedResourceName, 'must be a valid extended resource name')]),
    ];
  },
});

/** A resource with a domain of its own, whose quota has a name too. */
function isExtended(name: string): boolean {
  return name.includes('/') && !name.includes('kubernetes.io/') && !name.startsWith('requests.') && qualifiedName(`requests.${name}`).length === 0;
}
