import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { fieldErrorTexts } from '../../../machinery/field-path.ts';
import type { CustomResourceDefinition } from '../../../machinery/kinds/apiextensions.ts';
import type { Draft } from '../../../machinery/kinds/wire.ts';
import { acceptNames } from './accept.ts';
import { cleanupFinalizer, defaultDefinition, markForDeletion, withStorageVersion } from './lifecycle.ts';
import { validateDefinition, validateDefinitionUpdate } from './validate.ts';
import { definitionWarnings } from './warnings.ts';

const now = Date.parse('2026-01-01T00:00:00Z');

/** A sound definition with some fields of its spec replaced, as it is once the server has filled it in. */
function definition(more: Readonly<Record<string, unknown>> = {}, status: object = {}): Draft<CustomResourceDefinition> {
  const draft = parse(`
    apiVersion: apiextensions.k8s.io/v1
    kind: CustomResourceDefinition
    metadata: { name: lamps.light.example }
    spec:
      group: light.example
      scope: Namespaced
      names: { plural: lamps, kind: Lamp }
      versions: [{ name: v1, served: true, storage: true, schema: { openAPIV3Schema: { type: object } } }]
    status: {}`) as Draft<CustomResourceDefinition>;
  Object.assign(draft.spec, more);
  draft.status = { ...status } as NonNullable<Draft<CustomResourceDefinition>['status']>;
  defaultDefinition(draft);
  withStorageVersion(draft);
  return draft;
}

const version = (name: string, storage: boolean, more: object = {}) => ({ name, served: true, storage, schema: { openAPIV3Schema: { type: 'object', description: name } }, ...more });
const webhook = (clientConfig: object) => ({ conversion: { strategy: 'Webhook', webhook: { conversionReviewVersions: ['v1'], clientConfig } } });

const withFields = (properties: object) => definition({ versions: [version('v1', true, { schema: { openAPIV3Schema: { type: 'object', properties } } })] });

describe('a definition', () => {
  it('is filled in', () => {
    expect(definition().spec).toMatchObject({ names: { plural: 'lamps', singular: 'lamp', kind: 'Lamp', listKind: 'LampList' }, conversion: { strategy: 'None' } });
    expect(definition().status?.storedVersions).toEqual(['v1']);
    expect(validateDefinition(definition())).toEqual([]);
  });

  it.each<[string, Readonly<Record<string, unknown>>, string]>([
    ['of another group than its name', { group: 'other.example' }, 'metadata.name: Invalid value: "lamps.light.example": must be spec.names.plural+"."+spec.group'],
    ['of a group without a dot', { group: 'light' }, 'spec.group: Invalid value: "light": should be a domain with at least one dot'],
    ['of a group of Kubernetes\' own', { group: 'light.k8s.io' }, 'metadata.annotations[api-approved.kubernetes.io]: Required value: protected groups must have approval annotation "api-approved.kubernetes.io", see https://github.com/kubernetes/enhancements/pull/1111'],
    ['of no scope', { scope: 'Galaxy' }, 'spec.scope: Unsupported value: "Galaxy": supported values: "Cluster", "Namespaced"'],
    ['without versions', { versions: [] }, 'spec.versions: Invalid value: []: must have exactly one version marked as storage version'],
    ['of two versions of one name', { versions: [version('v1', true), version('v1', false)] }, 'spec.versions: Invalid value: [{"name":"v1","served":true,"storage":true},{"name":"v1","served":true,"storage":false}]: must contain unique version names'],
    ['of a version that is no name', { versions: [version('V1', true)] }, 'spec.versions[0].name: Invalid value: "V1": a DNS-1035 label must consist of'],
    ['without a schema', { versions: [{ name: 'v1', served: true, storage: true }] }, 'spec.versions[0].schema.openAPIV3Schema: Required value'],
    ['whose kind is its list', { names: { plural: 'lamps', kind: 'Lamp', listKind: 'Lamp' } }, 'spec.names.listKind: Invalid value: "Lamp": kind and listKind may not be the same'],
    ['with an odd kind', { names: { plural: 'lamps', kind: 'La_mp' } }, 'spec.names.kind: Invalid value: "La_mp": may have mixed case, but should otherwise match: a DNS-1035 label'],
    ['with an odd short name', { names: { plural: 'lamps', kind: 'Lamp', shortNames: ['L'] } }, 'spec.names.shortNames[0]: Invalid value: "L": a DNS-1035 label'],
    ['that preserves all', { preserveUnknownFields: true }, 'spec.preserveUnknownFields: Invalid value: true: cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead'],
    ['whose only version has a wrong schema', { versions: [version('v1', true, { schema: { openAPIV3Schema: { type: 'string' } } })] }, 'spec.validation.openAPIV3Schema.type: Invalid value: "string": must be object at the root'],
    ['one of whose versions has', { versions: [version('v1', true), version('v2', false, { schema: { openAPIV3Schema: { type: 'string' } } })] }, 'spec.versions[1].schema.openAPIV3Schema.type: Invalid value: "string": must be object at the root'],
    ['with a status and choices at the root', { versions: [version('v1', true, { subresources: { status: {} }, schema: { openAPIV3Schema: { type: 'object', oneOf: [{ required: ['a'] }] } } })] }, 'spec.validation.openAPIV3Schema: Invalid value: {"type":"object","oneOf":[{"required":["a"]}]}: only [Description Type '],
    ['with a scale that is nowhere', { versions: [version('v1', true, { subresources: { scale: { specReplicasPath: '.replicas', statusReplicasPath: '' } } })] }, 'spec.subresources.scale.specReplicasPath: Invalid value: ".replicas": should be a json path under .spec'],
    ['with a column of no type', { versions: [version('v1', true, { additionalPrinterColumns: [{ name: 'A', type: 'text', jsonPath: '.a' }] })] }, 'spec.additionalPrinterColumns[0].type: Invalid value: "text": must be one of boolean,date,integer,number,string'],
    ['with a column of no path', { versions: [version('v1', true, { additionalPrinterColumns: [{ name: 'A', type: 'string', jsonPath: '.a[' }] })] }, 'spec.additionalPrinterColumns[0].JSONPath: Invalid value: ".a[": unterminated array'],
    ['with a field that nobody can select', { versions: [version('v1', true, { selectableFields: [{ jsonPath: '.spec.none' }] })] }, 'spec.versions[0].selectableFields[0].jsonPath: Invalid value: ".spec.none": is an invalid path: does not refer to a valid field'],
    ['that warns of what is not deprecated', { versions: [version('v1', true, { deprecationWarning: 'w' })] }, 'spec.versions[0].deprecationWarning: Invalid value: "w": can only be set for deprecated versions'],
    ['converted by nobody', { conversion: { strategy: 'Magic' } }, 'spec.conversion.strategy: Unsupported value: "Magic": supported values: "None", "Webhook"'],
    ['converted nowhere', webhook({}), 'spec.conversion.webhookClientConfig: Required value: exactly one of url or service is required'],
    ['converted in the clear', webhook({ url: 'http://a.example' }), "spec.conversion.webhookClientConfig.url: Invalid value: \"http\": 'https' is the only allowed URL scheme; desired format: https://host[/path]"],
  ])('%s is refused', (_name, more, error) => {
    expect(fieldErrorTexts(validateDefinition(definition(more))).join('\n')).toContain(error);
  });

  it('keeps what its objects are stored by', () => {
    const established = { conditions: [{ type: 'Established', status: 'True' }] };
    const old = definition({}, established);
    expect(fieldErrorTexts(validateDefinitionUpdate(definition({ scope: 'Cluster', names: { plural: 'lamps', kind: 'Torch' } }, established), old))).toEqual([
      'spec.scope: Invalid value: "Cluster": field is immutable', 'spec.names.kind: Invalid value: "Torch": field is immutable',
    ]);
    expect(validateDefinitionUpdate(definition({ scope: 'Cluster' }), definition())).toEqual([]);
  });

  it('keeps the versions in which objects may be stored', () => {
    const moved = definition({ versions: [version('v2', true)] }, { storedVersions: ['v1'] });
    expect(moved.status?.storedVersions).toEqual(['v1', 'v2']);
    expect(fieldErrorTexts(validateDefinition(moved))).toEqual([expect.stringContaining('status.storedVersions[0]: Invalid value: "v1": missing from spec.versions')]);
  });

  it('is not asked again for what it was accepted without', () => {
    const costly = { versions: [version('v1', true, { schema: { openAPIV3Schema: { type: 'object', properties: { list: { type: 'array', items: { type: 'string' } } }, 'x-kubernetes-validations': [{ rule: 'self.list.all(a, self.list.all(b, a == b))' }] } } })] };
    expect(fieldErrorTexts(validateDefinition(definition(costly))).join('\n')).toContain('x-kubernetes-validations[0].rule: Forbidden: estimated rule cost exceeds budget');
    expect(fieldErrorTexts(validateDefinitionUpdate(definition(costly), definition(costly))).join('\n')).not.toContain('x-kubernetes-validations[0].rule: Forbidden: estimated rule cost exceeds budget');
  });

  it('takes authorities that nobody can read only until its kind is served', () => {
    const established = { conditions: [{ type: 'Established', status: 'True' }] };
    const [blank, fine] = [webhook({ url: 'https://a.example', caBundle: 'Cg==' }), webhook({ url: 'https://a.example' })];
    expect(validateDefinition(definition(blank))).toEqual([]);
    expect(validateDefinitionUpdate(definition(blank), definition(fine))).toEqual([]);
    expect(validateDefinitionUpdate(definition(blank, established), definition(blank, established))).toEqual([]);
    expect(fieldErrorTexts(validateDefinitionUpdate(definition(blank, established), definition(fine, established)))).toEqual([
      'spec.conversion.webhookClientConfig.caBundle: Invalid value: "Cg==": unable to load root certificates: unable to parse bytes as PEM block',
    ]);
  });

  it('warns of what nobody checks, once', () => {
    const odd = { a: { type: 'string', format: 'zip' }, b: { type: 'string', format: 'date-time' }, c: { type: 'integer', format: 'int8' }, d: { type: 'array', 'x-kubernetes-list-type': 'set', items: { type: 'object', 'x-kubernetes-map-type': 'atomic' } } };
    expect(definitionWarnings(withFields(odd))).toEqual(['unrecognized format "zip"', 'unrecognized format "int8"', 'x-kubernetes-list-type: set for items of type "object" is not supported by server-side apply or CEL validation rules']);
    expect(definitionWarnings(withFields(odd), withFields({ ...odd, a: { type: 'string' } }))).toEqual(['unrecognized format "zip"']);
  });

  it('is held while its objects are deleted', () => {
    const draft = definition();
    draft.metadata = { name: 'lamps.light.example', deletionTimestamp: '2026-01-01T00:00:00Z' };
    markForDeletion(draft, cleanupFinalizer);
    markForDeletion(draft, cleanupFinalizer);
    expect(draft.metadata.finalizers).toEqual([cleanupFinalizer]);
    expect(draft.status?.conditions).toMatchObject([{ type: 'Terminating', status: 'True', reason: 'InstanceDeletionPending' }]);
  });
});

const other = (names: object) => ({ ...definition(), metadata: { name: 'others.light.example' }, status: { acceptedNames: { plural: 'others', kind: 'Other', ...names } } }) as CustomResourceDefinition;
const conditions = (status: ReturnType<typeof acceptNames>) => (status.conditions ?? []).map(({ type, status: is, reason, message }) => [type, is, reason, message]);

describe('names', () => {
  it('that are free are accepted, and the kind is served', () => {
    const status = acceptNames(definition(), [definition(), other({})], now);
    expect(status.acceptedNames).toEqual({ plural: 'lamps', singular: 'lamp', kind: 'Lamp', listKind: 'LampList' });
    expect(conditions(status)).toEqual([['NamesAccepted', 'True', 'NoConflicts', 'no conflicts found'], ['Established', 'True', 'InitialNamesAccepted', 'the initial names have been accepted']]);
  });

  it('that another definition has are not', () => {
    const status = acceptNames(definition({ names: { plural: 'lamps', kind: 'Lamp', shortNames: ['o'] } }), [other({ shortNames: ['o'] })], now);
    expect(status.acceptedNames).toMatchObject({ plural: 'lamps', kind: 'Lamp' });
    expect(status.acceptedNames).not.toHaveProperty('shortNames');
    expect(conditions(status)).toEqual([['NamesAccepted', 'False', 'ShortNamesConflict', '"o" is already in use'], ['Established', 'False', 'NotAccepted', 'not all names are accepted']]);
  });

  it('are not enough for a kind whose webhook nobody can trust', () => {
    const status = acceptNames(definition(webhook({ url: 'https://a.example', caBundle: 'Cg==' })), [], now);
    expect(conditions(status)).toEqual([['NamesAccepted', 'True', 'NoConflicts', 'no conflicts found'], ['Established', 'False', 'InvalidCABundle', 'The conversion webhook CABundle is invalid']]);
  });

  it('of a kind that is served stay, when it asks for more than it can have', () => {
    const served = { ...definition({ names: { plural: 'lamps', kind: 'Lamp', shortNames: ['o'] } }) };
    served.status = acceptNames(definition(), [], now) as NonNullable<typeof served.status>;
    const status = acceptNames(served, [other({ shortNames: ['o'] })], now + 5000);
    expect(status.acceptedNames).not.toHaveProperty('shortNames');
    expect(conditions(status).map(([type, is]) => [type, is])).toEqual([['NamesAccepted', 'False'], ['Established', 'True']]);
  });

  it('are settled once: nothing is written again', () => {
    const settled = { ...definition() };
    settled.status = acceptNames(definition(), [], now) as NonNullable<typeof settled.status>;
    expect(acceptNames(settled, [settled], now + 5000)).toEqual(settled.status);
  });
});
