import type { CustomResourceDefinition, DefinitionNames, DefinitionVersion } from '../../machinery/kinds/apiextensions.ts';
import { apiVersionOf, type KubernetesObject } from '../../machinery/kinds/kind.ts';
import type { Draft } from '../../machinery/kinds/wire.ts';
import { standardFinalizers } from '../../machinery/labels.ts';
import { defineResource, type RemoteConversion, type Resource, type SelectableField } from '../resources/define.ts';
import { columnsOf } from './columns.ts';
import { remoteConversionOf, type ConversionOptions } from './conversion.ts';
import { customForm } from './form.ts';
import { scalePathsOf, stepsOf, valueAt } from './scale.ts';
import { fillDefaults } from './schema/defaults.ts';
import { mendEmbedded } from './schema/embedded.ts';
import { prune } from './schema/prune.ts';
import { structuralOf, type Structural } from './schema/structural.ts';
import { checksOf, validateChanged, validateNew, validateStatus } from './validate-object.ts';

/**
 * From a CustomResourceDefinition to what the server knows of any kind: one `Resource` for each version that is served. What
 * is in the store may be of another version or an older schema: when it is read it gets the defaults of its own version, is converted,
 * and loses what the version of the request has no field for.
 */
export function resourcesOf(definition: CustomResourceDefinition, options: ConversionOptions): readonly Resource[] {
  const { spec } = definition;
  const names = definition.status?.acceptedNames ?? spec.names;
  const versions = spec.versions.map((version) => ({ version, schema: structuralOf(version.schema?.openAPIV3Schema) }));
  const storage = versions.find(({ version }) => version.storage);
  if (storage === undefined) return [];
  const stored = storedResource(definition, names, storage.version, storage.schema);
  const schemas = new Map(versions.map(({ version, schema }) => [apiVersionOf({ group: spec.group, version: version.name }), schema]));
  const asked = remoteConversionOf(spec.conversion, options);
  const remote = asked === undefined ? undefined : fitting(asked, schemas);
  return versions.filter(({ version }) => version.served).map(({ version, schema }) => servedResource({ definition, names, stored, schemas, remote }, version, schema));
}

/** Where the objects are kept, and in which version. Nobody asks for it by this value: the served ones refer to it. */
function storedResource({ spec }: CustomResourceDefinition, names: DefinitionNames, version: DefinitionVersion, schema: Structural): Resource {
  const kind = { group: spec.group, version: version.name, kind: names.kind, plural: names.plural, scope: scopeOf(spec.scope) };
  return defineResource(kind, { custom: customForm(kind, schema) });
}

function scopeOf(scope: string): Resource['scope'] {
  return scope === 'Cluster' ? 'Cluster' : 'Namespaced';
}

/** While the definition and all its objects are being deleted. Finalizers can still be taken off. */
const refusesNew = 'create not allowed while custom resource definition is terminating';

interface Defined {
  readonly definition: CustomResourceDefinition;
  readonly names: DefinitionNames;
  readonly stored: Resource;
  /** Of every version, by apiVersion. */
  readonly schemas: ReadonlyMap<string | undefined, Structural>;
  readonly remote: RemoteConversion | undefined;
}

function servedResource({ definition, names, stored, schemas, remote }: Defined, version: DefinitionVersion, schema: Structural): Resource {
  const { spec, metadata } = definition;
  const kind = { group: spec.group, version: version.name, kind: names.kind, plural: names.plural, scope: scopeOf(spec.scope) };
  const { scale, status } = version.subresources ?? {};
  const hasStatus = status !== undefined;
  const checks = checksOf(schema, scale);
  const fields = Object.fromEntries((version.selectableFields ?? []).map(({ jsonPath }) => selectable(jsonPath)));
  return defineResource(kind, {
    singular: names.singular ?? names.kind.toLowerCase(), listKind: names.listKind ?? `${names.kind}List`,
    shortNames: names.shortNames ?? [], categories: names.categories ?? [],
    ...(metadata?.deletionTimestamp === undefined ? {} : { refusesNew }),
    columns: columnsOf(version.additionalPrinterColumns),
    fields,
    generation: true, updatesNameVersion: true, status: hasStatus, ...(scale === undefined ? {} : { scale: scalePathsOf(scale) }),
    defaults: (draft) => { fillDefaults(draft, schema); },
    prepareForCreate: (draft) => { if (hasStatus) Reflect.deleteProperty(draft, 'status'); },
    createWarnings: finalizerWarnings,
    validateCreate: (object) => validateNew(object, checks),
    validateUpdate: (object, old) => validateChanged(object, old, checks),
    validateStatusUpdate: (object, old) => validateStatus(object, old, checks),
    ...(version.deprecated === true ? { deprecation: version.deprecationWarning ?? `${apiVersionOf(kind)} ${kind.kind} is deprecated` } : {}),
    custom: customForm(kind, schema, Object.keys(fields)),
    storedAs: {
      resource: stored,
      toStored: (object) => (kind.version === stored.version ? { ...object, apiVersion: apiVersionOf(stored) } : shaped({ ...object }, apiVersionOf(stored), schemas)),
      fromStored: (object) => shaped(defaulted(object, schemas), apiVersionOf(kind), schemas),
      ...(remote === undefined ? {} : { remote }),
    },
  });
}

function finalizerWarnings({ metadata }: KubernetesObject): readonly string[] {
  return (metadata?.finalizers ?? []).filter((name) => !name.includes('/') && !standardFinalizers.has(name)).map((name) =>
    `metadata.finalizers: ${JSON.stringify(name)}: prefer a domain-qualified finalizer name ${name.includes('.') ? 'including a path (/) ' : ''}to avoid accidental conflicts with other finalizer writers`);
}

function selectable(jsonPath: string): [string, SelectableField<KubernetesObject>] {
  const steps = stepsOf(jsonPath);
  return [steps.join('.'), (object) => {
    const value = valueAt(object, steps);
    return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';
  }];
}

/** With the defaults that the version has in which it is. */
function defaulted<T extends Draft<KubernetesObject>>(object: T, schemas: Defined['schemas']): T {
  const schema = schemas.get(object.apiVersion);
  if (schema !== undefined) fillDefaults(object, schema);
  return object;
}

/** In another version, without what that has no field for. */
function shaped(object: Draft<KubernetesObject>, apiVersion: string, schemas: Defined['schemas']): Draft<KubernetesObject> {
  object.apiVersion = apiVersion;
  const schema = schemas.get(apiVersion);
  if (schema === undefined) return object;
  prune(object as Record<string, unknown>, schema);
  mendEmbedded(object, schema);
  return object;
}

/** A webhook gets whole objects to see, and what it answers is held to the schema. */
function fitting({ convert }: RemoteConversion, schemas: Defined['schemas']): RemoteConversion {
  return {
    async convert(objects, apiVersion) {
      const converted = await convert(objects.map((object) => defaulted(structuredClone(object) as Draft<KubernetesObject>, schemas)), apiVersion);
      return converted.map((object) => shaped(object, apiVersion, schemas));
    },
  };
}
