import { isDeepStrictEqual } from 'node:util';
import { duplicate, fieldErrorText, forbidden, invalid, notSupported, Path, required, tooMany, type FieldError } from '../../../machinery/field-path.ts';
import { JsonPathError, parseJsonPath } from '../../../machinery/jsonpath/parse.ts';
import type { CustomResourceDefinition, DefinitionConversion, DefinitionScale, DefinitionVersion, PrinterColumn } from '../../../machinery/kinds/apiextensions.ts';
import { dns1035Label, dns1123Subdomain } from '../../../machinery/names.ts';
import { findCondition } from '../../../machinery/conditions.ts';
import { immutable } from '../../resources/immutable.ts';
import { validateWebhookService, validateWebhookUrl } from '../../resources/webhook-address.ts';
import { caBundleProblem } from '../../webhooks/ca-bundle.ts';
import { structuralOf, type Structural } from '../schema/structural.ts';
import { validateNames } from './names.ts';
import { validateSchema } from './schema-rules.ts';

/** What a CustomResourceDefinition must be like. Source: CustomResourceDefinition, apiextensions/v1; wording: the API server's validation. */

const specPath = new Path('spec');

export function validateDefinition(definition: CustomResourceDefinition, old?: CustomResourceDefinition): FieldError[] {
  const { spec, metadata } = definition;
  const expected = `${spec.names.plural}.${spec.group}`;
  return [
    ...(metadata?.name === undefined || metadata.name === expected ? [] : [invalid(new Path('metadata').child('name'), metadata.name, 'must be spec.names.plural+"."+spec.group')]),
    ...groupProblems(spec.group),
    ...(spec.scope === 'Cluster' || spec.scope === 'Namespaced' ? [] : [spec.scope === '' ? required(specPath.child('scope')) : notSupported(specPath.child('scope'), spec.scope, ['Cluster', 'Namespaced'])]),
    ...versionsProblems(spec.versions),
    ...eachVersion(spec.versions, old?.spec.versions ?? []),
    ...(['plural', 'singular', 'kind', 'listKind'] as const).filter((name) => (spec.names[name] ?? '') === '').map((name) => required(specPath.child('names', name))),
    ...validateNames(spec.names, specPath.child('names')),
    ...conversionProblems(spec.conversion, specPath.child('conversion')),
    ...storedProblems(definition),
    ...approvalProblems(definition, old),
    ...(spec.preserveUnknownFields === true ? [invalid(specPath.child('preserveUnknownFields'), true, 'cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead')] : []),
  ];
}

/** What a status may say. */
export function validateDefinitionStatus({ status }: CustomResourceDefinition): FieldError[] {
  return status?.acceptedNames === undefined ? [] : validateNames(status.acceptedNames, new Path('status').child('acceptedNames'));
}

/** As `validateDefinition`, and what may not change once the kind has been served. */
export function validateDefinitionUpdate(definition: CustomResourceDefinition, old: CustomResourceDefinition): FieldError[] {
  const { spec } = definition;
  const isEstablished = findCondition(old.status?.conditions, 'Established')?.status === 'True';
  return [
    ...validateDefinition(definition, old),
    ...(isEstablished ? bundleProblems(spec.conversion, old.spec.conversion) : []),
    ...(isEstablished ? [...immutable(spec.scope, old.spec.scope, specPath.child('scope')), ...immutable(spec.names.kind, old.spec.names.kind, specPath.child('names', 'kind'))] : []),
    ...immutable(spec.group, old.spec.group, specPath.child('group')),
    ...immutable(spec.names.plural, old.spec.names.plural, specPath.child('names', 'plural')),
  ];
}

const approval = 'api-approved.kubernetes.io';

/** Groups under Kubernetes' own domains are for APIs that Kubernetes' reviewers have seen. Source: "api-approved.kubernetes.io", labels and annotations. */
function approvalProblems({ spec, metadata }: CustomResourceDefinition, old: CustomResourceDefinition | undefined): FieldError[] {
  if (!/(^|\.)(k8s\.io|kubernetes\.io)$/.test(spec.group)) return [];
  // Whoever changes something else must not be asked for it.
  if (old !== undefined && old.metadata?.annotations?.[approval] === metadata?.annotations?.[approval]) return [];
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

/**
 * Schemas, subresources and columns that all versions share are spoken of as if they stood at `spec` itself: the API server holds
 * them so, and its messages are known.
 */
function eachVersion(versions: readonly DefinitionVersion[], old: readonly DefinitionVersion[]): FieldError[] {
  const [first] = versions;
  const shared = <K extends 'schema' | 'subresources' | 'additionalPrinterColumns'>(key: K): boolean =>
    first?.[key] !== undefined && versions.every((version) => isDeepStrictEqual(version[key], first[key]));
  const isShared = { schema: shared('schema'), subresources: shared('subresources'), columns: shared('additionalPrinterColumns') };
  const each = versions.flatMap((version, index) => versionProblems(version, index, old, isShared));
  return isShared.schema || isShared.subresources || isShared.columns ? [...new Map(each.map((error) => [fieldErrorText(error), error])).values()] : each;
}

interface Shared {
  readonly schema: boolean;
  readonly subresources: boolean;
  readonly columns: boolean;
}

function versionProblems(version: DefinitionVersion, index: number, old: readonly DefinitionVersion[], isShared: Shared): FieldError[] {
  const { name, schema, subresources, additionalPrinterColumns = [], selectableFields = [], deprecated, deprecationWarning } = version;
  const path = specPath.child('versions').index(index);
  const schemaPath = (isShared.schema ? specPath.child('validation') : path.child('schema')).child('openAPIV3Schema');
  const scalePath = (isShared.subresources ? specPath : path).child('subresources', 'scale');
  const columns = (isShared.columns ? specPath : path).child('additionalPrinterColumns');
  const isUnchanged = old.some((one) => one.name === name && isDeepStrictEqual(one.schema, schema));
  const spelling = dns1035Label(name);
  return [
    ...(spelling.length === 0 ? [] : [invalid(path.child('name'), name, spelling.join(','))]),
    ...warningProblems(deprecated === true, deprecationWarning).map((message) => invalid(path.child('deprecationWarning'), deprecationWarning, message)),
    ...(schema?.openAPIV3Schema === undefined ? [required(path.child('schema', 'openAPIV3Schema'))]
      : validateSchema(schema.openAPIV3Schema, schemaPath, { hasStatus: subresources?.status !== undefined, isUnchanged })),
    ...(subresources?.scale === undefined ? [] : scaleProblems(subresources.scale, scalePath)),
    ...additionalPrinterColumns.flatMap((column, at) => columnProblems(column, columns.index(at))),
    ...(selectableFields.length === 0 ? [] : selectableProblems(selectableFields.map(({ jsonPath }) => jsonPath), structuralOf(schema?.openAPIV3Schema), path.child('selectableFields'))),
  ];
}

const longestWarning = 256;

function warningProblems(isDeprecated: boolean, warning: string | undefined): string[] {
  if (warning === undefined) return [];
  if (!isDeprecated) return ['can only be set for deprecated versions'];
  return [
    ...(Buffer.byteLength(warning) > longestWarning ? [`must be <= ${longestWarning} characters long`] : []),
    ...(warning === '' ? ['must not be an empty string'] : []),
    ...(/[\p{C}]/u.test(warning) ? [`must only contain printable UTF-8 characters; non-printable character found at index ${warning.search(/[\p{C}]/u)}`] : []),
  ];
}

const mostSelectable = 8;

function selectableProblems(paths: readonly string[], schema: Structural, path: Path): FieldError[] {
  const errors = paths.flatMap((text, index): FieldError[] => {
    const where = path.index(index).child('jsonPath');
    if (text === '') return [required(where)];
    const steps = text.split('.').slice(1);
    if (text.includes('[')) return [invalid(where, text, 'is an invalid path: array notation is not allowed')];
    if (!text.startsWith('.')) return [invalid(where, text, `is an invalid path: expected [ or . but got: ${text.split('.', 1)[0] ?? ''}`)];
    const found = steps.reduce<Structural | undefined>((at, step) => at?.properties.get(step), schema);
    if (found === undefined) return [invalid(where, text, 'is an invalid path: does not refer to a valid field')];
    return [
      ...(steps[0] === 'metadata' ? [invalid(where, text, 'must not point to fields in metadata')] : []),
      ...(found.type === 'string' || found.type === 'boolean' || found.type === 'integer' ? [] : [invalid(where, text, 'must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.')]),
      ...(paths.indexOf(text) === index ? [] : [duplicate(where, text)]),
    ];
  });
  const count = new Set(paths).size;
  return count > mostSelectable ? [...errors, tooMany(path, count, mostSelectable)] : errors;
}

function scaleProblems({ specReplicasPath, statusReplicasPath, labelSelectorPath }: DefinitionScale, path: Path): FieldError[] {
  return [
    ...simplePath(specReplicasPath, path.child('specReplicasPath'), ['.spec.'], 'should be a json path under .spec'),
    ...simplePath(statusReplicasPath, path.child('statusReplicasPath'), ['.status.'], 'should be a json path under .status'),
    ...(labelSelectorPath === undefined || labelSelectorPath === '' ? [] : simplePath(labelSelectorPath, path.child('labelSelectorPath'), ['.spec.', '.status.'], 'should be a json path under either .spec or .status')),
  ];
}

/** Only fields, one below the other. */
function simplePath(text: string, path: Path, under: readonly string[], detail: string): FieldError[] {
  if (text === '') return [required(path)];
  if (!text.startsWith('.')) return [invalid(path, text, 'must be a simple json path starting with .')];
  return under.some((start) => text.startsWith(start)) ? [] : [invalid(path, text, detail)];
}

const columnTypes = ['boolean', 'date', 'integer', 'number', 'string'];
const columnFormats = ['byte', 'date', 'date-time', 'double', 'float', 'int32', 'int64', 'password'];

function columnProblems({ name, type, format = '', jsonPath }: PrinterColumn, path: Path): FieldError[] {
  return [
    ...(name === '' ? [required(path.child('name'))] : []),
    ...(type === '' ? [required(path.child('type'), `must be one of ${columnTypes.join(',')}`)] : columnTypes.includes(type) ? [] : [invalid(path.child('type'), type, `must be one of ${columnTypes.join(',')}`)]),
    ...(format === '' || columnFormats.includes(format) ? [] : [invalid(path.child('format'), format, `must be one of ${columnFormats.join(',')}`)]),
    ...(jsonPath === '' ? [required(path.child('JSONPath'))] : pathProblems(jsonPath, path.child('JSONPath'))),
  ];
}

function pathProblems(text: string, path: Path): FieldError[] {
  if (!text.startsWith('.')) return [invalid(path, text, 'must be a simple json path starting with .')];
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
  const config = path.child('webhookClientConfig');
  const versions = path.child('conversionReviewVersions');
  if (strategy === 'None') {
    return [
      ...(webhook?.clientConfig === undefined ? [] : [forbidden(config, 'should not be set when strategy is not set to Webhook')]),
      ...((webhook?.conversionReviewVersions ?? []).length === 0 ? [] : [forbidden(versions, 'should not be set when strategy is not set to Webhook')]),
    ];
  }
  return [
    ...(webhook?.clientConfig === undefined ? [required(config, 'required when strategy is set to Webhook')] : clientProblems(webhook.clientConfig, config)),
    ...reviewProblems(webhook?.conversionReviewVersions ?? [], versions),
  ];
}

function clientProblems({ url, service }: NonNullable<NonNullable<DefinitionConversion['webhook']>['clientConfig']>, path: Path): FieldError[] {
  if ((url === undefined) === (service === undefined)) return [required(path, 'exactly one of url or service is required')];
  return url === undefined ? validateWebhookService(service ?? {}, path.child('service')) : validateWebhookUrl(url, path.child('url'));
}

/** Before a kind is served its authorities may be anything: somebody else may write them later. */
function bundleProblems(conversion: DefinitionConversion | undefined, old: DefinitionConversion | undefined): FieldError[] {
  if (conversion?.strategy !== 'Webhook') return [];
  const bundle = conversion.webhook?.clientConfig?.caBundle;
  const problem = caBundleProblem(bundle);
  const wasWrong = caBundleProblem(old?.webhook?.clientConfig?.caBundle) !== undefined;
  return problem === undefined || wasWrong ? [] : [invalid(specPath.child('conversion', 'webhookClientConfig', 'caBundle'), bundle, problem)];
}

function reviewProblems(versions: readonly string[], path: Path): FieldError[] {
  if (versions.length === 0) return [required(path)];
  return [
    ...versions.flatMap((version, index) => (versions.indexOf(version) === index ? dns1035Label(version).map((message) => invalid(path.index(index), version, message)) : [invalid(path.index(index), version, 'duplicate version')])),
    ...(versions.includes('v1') || versions.includes('v1beta1') ? [] : [invalid(path, versions, 'must include at least one of v1, v1beta1')]),
  ];
}

function storedProblems({ spec, status }: CustomResourceDefinition): FieldError[] {
  const path = new Path('status').child('storedVersions');
  const stored = status?.storedVersions ?? [];
  const storage = spec.versions.find((version) => version.storage)?.name;
  return [
    ...(stored.length === 0 ? [invalid(path, [], 'must have at least one stored version')] : []),
    ...stored.flatMap((name, index) => (spec.versions.some((version) => version.name === name) ? [] : [invalid(path.index(index), name, `missing from spec.versions; ${name} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in ${name} and removes ${name} from status.storedVersions`)])),
    ...(stored.length === 0 || storage === undefined || stored.includes(storage) ? [] : [invalid(path, stored, `must have the storage version ${storage}`)]),
  ];
}
