import { Path, forbidden, invalid, notSupported, required, tooMany, type FieldError } from '../../../machinery/field-path.ts';
import { JsonPathError, parseJsonPath } from '../../../machinery/jsonpath/parse.ts';
import type { CustomResourceDefinition, DefinitionConversion, DefinitionScale, DefinitionVersion, PrinterColumn } from '../../../machinery/kinds/apiextensions.ts';
import { dns1035Label, dns1123Subdomain } from '../../../machinery/names.ts';
import { findCondition } from '../../../machinery/conditions.ts';
import { immutable } from '../../resources/immutable.ts';
import { validateNames } from './names.ts';
import { validateRules } from './rule-rules.ts';
import { validateSchema } from './schema-rules.ts';

/** What a CustomResourceDefinition must be like. Source: CustomResourceDefinition, apiextensions/v1; wording: the API server's validation. */

const specPath = new Path('spec');

export function validateDefinition(definition: CustomResourceDefinition): FieldError[] {
  const { spec, metadata } = definition;
  const expected = `${spec.names.plural}.${spec.group}`;
  return [
    ...(metadata?.name === undefined || metadata.name === expected ? [] : [invalid(new Path('metadata').child('name'), metadata.name, 'must be spec.names.plural+"."+spec.group')]),
    ...approvalProblems(definition),
    ...groupProblems(spec.group),
    ...(spec.scope === 'Cluster' || spec.scope === 'Namespaced' ? [] : [spec.scope === '' ? required(specPath.child('scope')) : notSupported(specPath.child('scope'), spec.scope, ['Cluster', 'Namespaced'])]),
    ...(spec.preserveUnknownFields === true ? [invalid(specPath.child('preserveUnknownFields'), true, 'cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead')] : []),
    ...versionsProblems(spec.versions),
    ...spec.versions.flatMap((version, index) => versionProblems(version, specPath.child('versions').index(index))),
    ...validateNames(spec.names, specPath.child('names')),
    ...conversionProblems(spec.conversion, specPath.child('conversion')),
    ...storedProblems(definition),
  ];
}

/** Beyond `validateDefinition`: what may not change, once the kind has been served. */
export function validateDefinitionUpdate(definition: CustomResourceDefinition, old: CustomResourceDefinition): FieldError[] {
  const { spec } = definition;
  const isEstablished = findCondition(old.status?.conditions, 'Established')?.status === 'True';
  return [
    ...immutable(spec.group, old.spec.group, specPath.child('group')),
    ...immutable(spec.names.plural, old.spec.names.plural, specPath.child('names', 'plural')),
    ...(isEstablished ? [...immutable(spec.scope, old.spec.scope, specPath.child('scope')), ...immutable(spec.names.kind, old.spec.names.kind, specPath.child('names', 'kind'))] : []),
  ];
}

const approval = 'api-approved.kubernetes.io';

/** Groups under Kubernetes' own domains are for APIs that Kubernetes' reviewers have seen. Source: "api-approved.kubernetes.io", labels and annotations. */
function approvalProblems({ spec, metadata }: CustomResourceDefinition): FieldError[] {
  if (!/(^|\.)(k8s\.io|kubernetes\.io)$/.test(spec.group)) return [];
  const path = new Path('metadata').child('annotations').key(approval);
  const value = metadata?.annotations?.[approval];
  if (value === undefined) return [required(path, `protected groups must have approval annotation "${approval}", see https://github.com/kubernetes/enhancements/pull/1111`)];
  if (value.startsWith('unapproved') || URL.canParse(value)) return [];
  return [invalid(path, value, `protected groups must have approval annotation "${approval}" with either a URL or a reason starting with "unapproved", see https://github.com/kubernetes/enhancements/pull/1111`)];
}

function groupProblems(group: string): FieldError[] {
  const path = specPath.child('group');
  if (group === '') return [required(path)];
  const spelling = dns1123Subdomain(group);
  if (spelling.length > 0) return spelling.map((message) => invalid(path, group, message));
  return group.includes('.') ? [] : [invalid(path, group, 'should be a domain with at least one dot')];
}

function versionsProblems(versions: readonly DefinitionVersion[]): FieldError[] {
  const path = specPath.child('versions');
  const shown = versions.map(({ name, served, storage }) => ({ name, served, storage }));
  const stored = versions.filter(({ storage }) => storage).length;
  return [
    ...(new Set(versions.map(({ name }) => name)).size === versions.length ? [] : [invalid(path, shown, 'must contain unique version names')]),
    ...(stored === 1 ? [] : [invalid(path, shown, 'must have exactly one version marked as storage version')]),
  ];
}

function versionProblems(version: DefinitionVersion, path: Path): FieldError[] {
  const { name, schema, subresources, additionalPrinterColumns = [], selectableFields = [], deprecated, deprecationWarning } = version;
  const spelling = dns1035Label(name);
  return [
    ...spelling.map((message) => invalid(path.child('name'), name, message)),
    ...(deprecationWarning === undefined || deprecated === true ? [] : [invalid(path.child('deprecationWarning'), deprecationWarning, 'can only be set for deprecated versions')]),
    ...(schema?.openAPIV3Schema === undefined ? [required(path.child('schema', 'openAPIV3Schema'), 'schemas are required')] : schemaProblems(schema.openAPIV3Schema, path.child('schema', 'openAPIV3Schema'))),
    ...(subresources?.scale === undefined ? [] : scaleProblems(subresources.scale, path.child('subresources', 'scale'))),
    ...additionalPrinterColumns.flatMap((column, index) => columnProblems(column, path.child('additionalPrinterColumns').index(index))),
    ...(selectableFields.length > mostSelectable ? [tooMany(path.child('selectableFields'), selectableFields.length, mostSelectable)] : []),
    ...selectableFields.flatMap(({ jsonPath }, index) => simplePath(jsonPath, path.child('selectableFields').index(index).child('jsonPath'), [])),
  ];
}

/** The rules of a schema that isn't well formed have no types to go by. */
function schemaProblems(schema: unknown, path: Path): FieldError[] {
  const errors = validateSchema(schema, path);
  return errors.length > 0 ? errors : validateRules(schema, path);
}

const mostSelectable = 8;

function scaleProblems({ specReplicasPath, statusReplicasPath, labelSelectorPath }: DefinitionScale, path: Path): FieldError[] {
  return [
    ...simplePath(specReplicasPath, path.child('specReplicasPath'), ['.spec.']),
    ...simplePath(statusReplicasPath, path.child('statusReplicasPath'), ['.status.']),
    ...(labelSelectorPath === undefined || labelSelectorPath === '' ? [] : simplePath(labelSelectorPath, path.child('labelSelectorPath'), ['.spec.', '.status.'])),
  ];
}

/** Only fields, one below the other. */
function simplePath(text: string, path: Path, under: readonly string[]): FieldError[] {
  if (text === '') return [required(path)];
  if (!/^(\.[A-Za-z_][\w-]*)+$/.test(text)) return [invalid(path, text, 'must be a simple json path in dot notation')];
  if (under.length === 0 || under.some((start) => text.startsWith(start))) return [];
  return [invalid(path, text, `should be a json path under ${under.map((start) => start.slice(0, -1)).join(' or ')}`)];
}

const columnTypes = ['integer', 'number', 'string', 'boolean', 'date'];
const columnFormats = ['int32', 'int64', 'float', 'double', 'byte', 'date', 'date-time', 'password'];

function columnProblems({ name, type, format = '', jsonPath }: PrinterColumn, path: Path): FieldError[] {
  return [
    ...(name === '' ? [required(path.child('name'))] : []),
    ...(type === '' ? [required(path.child('type'), `must be one of ${columnTypes.join(',')}`)] : columnTypes.includes(type) ? [] : [invalid(path.child('type'), type, `must be one of ${columnTypes.join(',')}`)]),
    ...(format === '' || columnFormats.includes(format) ? [] : [invalid(path.child('format'), format, `must be one of ${columnFormats.join(',')}`)]),
    ...(jsonPath === '' ? [required(path.child('JSONPath'))] : pathProblems(jsonPath, path.child('JSONPath'))),
  ];
}

function pathProblems(text: string, path: Path): FieldError[] {
  try {
    parseJsonPath(text);
    return [];
  } catch (error) {
    if (error instanceof JsonPathError) return [invalid(path, text, error.message)];
    throw error;
  }
}

function conversionProblems(conversion: DefinitionConversion | undefined, path: Path): FieldError[] {
  if (conversion === undefined) return [];
  const { strategy, webhook } = conversion;
  if (strategy !== 'None' && strategy !== 'Webhook') return [strategy === '' ? required(path.child('strategy')) : notSupported(path.child('strategy'), strategy, ['None', 'Webhook'])];
  if (strategy === 'None') return webhook === undefined ? [] : [forbidden(path.child('webhook'), 'should not be set when strategy is not set to Webhook')];
  if (webhook?.clientConfig === undefined) return [required(path.child('webhook', 'clientConfig'), 'required when strategy is set to Webhook')];
  const { url, service } = webhook.clientConfig;
  const config = path.child('webhook', 'clientConfig');
  const versions = webhook.conversionReviewVersions;
  return [
    ...((url === undefined) === (service === undefined) ? [required(config, 'exactly one of url or service is required')] : []),
    ...(url === undefined ? [] : urlProblems(url, config.child('url'))),
    ...(versions.length === 0 ? [required(path.child('webhook', 'conversionReviewVersions'))] : []),
    ...(versions.length > 0 && !versions.includes('v1') ? [invalid(path.child('webhook', 'conversionReviewVersions'), versions, 'must include at least one of v1')] : []),
  ];
}

function urlProblems(text: string, path: Path): FieldError[] {
  if (!URL.canParse(text)) return [invalid(path, text, 'url must be a valid URL: desired format: https://host[/path]')];
  const url = new URL(text);
  return [
    ...(url.protocol === 'https:' ? [] : [invalid(path, url.protocol.slice(0, -1), "'https' is the only allowed URL scheme; desired format: https://host[/path]")]),
    ...(url.username === '' ? [] : [invalid(path, url.username, 'user information is not permitted in the URL')]),
    ...(url.hash === '' ? [] : [invalid(path, url.hash.slice(1), 'fragments are not permitted in the URL')]),
    ...(url.search === '' ? [] : [invalid(path, url.search.slice(1), 'query parameters are not permitted in the URL')]),
  ];
}

function storedProblems({ spec, status }: CustomResourceDefinition): FieldError[] {
  if (status === undefined) return [];
  const path = new Path('status').child('storedVersions');
  const stored = status.storedVersions ?? [];
  const storage = spec.versions.find((version) => version.storage)?.name;
  return [
    ...(stored.length === 0 ? [invalid(path, [], 'must have at least one stored version')] : []),
    ...stored.flatMap((name, index) => (spec.versions.some((version) => version.name === name) ? [] : [invalid(path.index(index), name, 'must appear in spec.versions')])),
    ...(stored.length === 0 || storage === undefined || stored.includes(storage) ? [] : [invalid(path, stored, `must have the storage version ${storage}`)]),
  ];
}
