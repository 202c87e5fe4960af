import { describe, expect, it } from 'vitest';
import { fieldErrorTexts } from '../../../machinery/field-path.ts';
import type { KubernetesObject } from '../../../machinery/kinds/kind.ts';
import type { Draft } from '../../../machinery/kinds/wire.ts';
import type { Resource } from '../define.ts';
import { mutatingAdmissionPolicyBinding } from './mutating-admission-policy-binding.ts';
import { mutatingAdmissionPolicy } from './mutating-admission-policy.ts';
import { mutatingWebhookConfiguration } from './mutating-webhook-configuration.ts';
import { validatingAdmissionPolicyBinding } from './validating-admission-policy-binding.ts';
import { validatingAdmissionPolicy } from './validating-admission-policy.ts';
import { validatingWebhookConfiguration } from './validating-webhook-configuration.ts';

/** As a write does: defaults, then what is wrong. */
function judged<T extends KubernetesObject>(resource: Resource<T>, object: object): string[] {
  const draft = structuredClone({ metadata: { name: 'x' }, ...object }) as Draft<T>;
  resource.defaults?.(draft);
  return fieldErrorTexts(resource.validate?.(draft as T));
}

const rule = { operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods'] };
const webhook = { name: 'a.example.com', clientConfig: { url: 'https://hook.example' }, rules: [rule], sideEffects: 'None', admissionReviewVersions: ['v1'] };
const hooks = (change: object) => ({ webhooks: [{ ...webhook, ...change }] });
const rules = (change: object) => hooks({ rules: [{ ...rule, ...change }] });

describe('a webhook', () => {
  it('is filled in', () => {
    const draft = structuredClone(hooks({ clientConfig: { service: { name: 's', namespace: 'n' } } })) as Draft<KubernetesObject>;
    mutatingWebhookConfiguration.defaults?.(draft);
    expect(draft).toEqual(hooks({
      clientConfig: { service: { name: 's', namespace: 'n', port: 443 } }, rules: [{ ...rule, scope: '*' }], failurePolicy: 'Fail', matchPolicy: 'Equivalent',
      namespaceSelector: {}, objectSelector: {}, timeoutSeconds: 10, reinvocationPolicy: 'Never',
    }));
  });

  it.each<[string, object, readonly string[]]>([
    ['a good one', {}, []],
    ['no name', hooks({ name: '' }), ['webhooks[0].name: Required value']],
    ['a name that is no domain', hooks({ name: 'a.example' }), ['webhooks[0].name: Invalid value: "a.example": should be a domain with at least three segments separated by dots']],
    ['the same name twice', { webhooks: [webhook, webhook] }, ['webhooks[1].name: Duplicate value: "a.example.com"']],
    ['neither URL nor service', hooks({ clientConfig: {} }), ['webhooks[0].clientConfig: Required value: exactly one of url or service is required']],
    ['a URL without TLS', hooks({ clientConfig: { url: 'http://hook.example' } }), ["webhooks[0].clientConfig.url: Invalid value: \"http\": 'https' is the only allowed URL scheme; desired format: https://host[/path]"]],
    ['a URL with more than an address', hooks({ clientConfig: { url: 'https://u@hook.example/a?b#c' } }), [
      'webhooks[0].clientConfig.url: Invalid value: "u": user information is not permitted in the URL', 'webhooks[0].clientConfig.url: Invalid value: "c": fragments are not permitted in the URL',
      'webhooks[0].clientConfig.url: Invalid value: "b": query parameters are not permitted in the URL',
    ]],
    ['a service that is not named', hooks({ clientConfig: { service: { port: 70_000, path: 'a//' } } }), [
      'webhooks[0].clientConfig.service.name: Required value', 'webhooks[0].clientConfig.service.namespace: Required value',
      'webhooks[0].clientConfig.service.port: Invalid value: 70000: port is not valid: must be between 1 and 65535, inclusive',
      'webhooks[0].clientConfig.service.path: Invalid value: "a//": must start with a \'/\'', 'webhooks[0].clientConfig.service.path: Invalid value: "a//": segment[0] may not be empty', 'webhooks[0].clientConfig.service.path: Invalid value: "a//": segment[1] may not be empty',
    ]],
    ['side effects unsaid', hooks({ sideEffects: undefined }), ['webhooks[0].sideEffects: Required value: must specify one of None, NoneOnDryRun']],
    ['side effects that a dry run would have', hooks({ sideEffects: 'Some' }), ['webhooks[0].sideEffects: Unsupported value: "Some": supported values: "None", "NoneOnDryRun"']],
    ['endless patience', hooks({ timeoutSeconds: 31 }), ['webhooks[0].timeoutSeconds: Invalid value: 31: the timeout value must be between 1 and 30 seconds']],
    ['unknown policies', hooks({ failurePolicy: 'Maybe', matchPolicy: 'Near' }), [
      'webhooks[0].failurePolicy: Unsupported value: "Maybe": supported values: "Fail", "Ignore"', 'webhooks[0].matchPolicy: Unsupported value: "Near": supported values: "Equivalent", "Exact"',
    ]],
    ['no version of reviews', hooks({ admissionReviewVersions: [] }), ['webhooks[0].admissionReviewVersions: Required value: must specify one of v1, v1beta1']],
    ['versions that nobody sends', hooks({ admissionReviewVersions: ['v9', 'v9'] }), [
      'webhooks[0].admissionReviewVersions[1]: Invalid value: "v9": duplicate version', 'webhooks[0].admissionReviewVersions: Invalid value: ["v9","v9"]: must include at least one of v1, v1beta1',
    ]],
    ['a condition without anything', hooks({ matchConditions: [{}, { name: 'a', expression: 'true' }, { name: 'a', expression: ' ' }] }), [
      'webhooks[0].matchConditions[0].expression: Required value', 'webhooks[0].matchConditions[0].name: Required value',
      'webhooks[0].matchConditions[2].expression: Required value', 'webhooks[0].matchConditions[2].name: Duplicate value: "a"',
    ]],
    ['empty rules', rules({ operations: [], apiGroups: [], apiVersions: [''], resources: [] }), [
      'webhooks[0].rules[0].operations: Required value', 'webhooks[0].rules[0].apiGroups: Required value', 'webhooks[0].rules[0].apiVersions[0]: Required value', 'webhooks[0].rules[0].resources: Required value',
    ]],
    ['a star among others', rules({ operations: ['*', 'READ'], apiGroups: ['*', 'apps'] }), [
      'webhooks[0].rules[0].operations: Invalid value: ["*","READ"]: if \'*\' is present, must not specify other operations',
      'webhooks[0].rules[0].operations[1]: Unsupported value: "READ": supported values: "*", "CONNECT", "CREATE", "DELETE", "UPDATE"',
      'webhooks[0].rules[0].apiGroups: Invalid value: ["*","apps"]: if \'*\' is present, must not specify other API groups',
    ]],
    ['resources that others cover', rules({ resources: ['pods/*', 'pods/status', '*/scale', 'a/scale'] }), [
      "webhooks[0].rules[0].resources[1]: Invalid value: \"pods/status\": if 'pods/*' is present, must not specify pods/status",
      "webhooks[0].rules[0].resources[3]: Invalid value: \"a/scale\": if '*/scale' is present, must not specify a/scale",
    ]],
    ['all resources and some', rules({ resources: ['*', 'pods', '*/*'], scope: 'World' }), [
      'webhooks[0].rules[0].resources: Invalid value: ["*","pods","*/*"]: if \'*/*\' is present, must not specify other resources',
      'webhooks[0].rules[0].resources: Invalid value: ["*","pods","*/*"]: if \'*\' is present, must not specify other resources without subresources',
      'webhooks[0].rules[0].scope: Unsupported value: "World": supported values: "*", "Cluster", "Namespaced"',
    ]],
  ])('is judged: %s', (_name, object, messages) => {
    expect(judged(validatingWebhookConfiguration, Object.keys(object).length === 0 ? hooks({}) : object)).toEqual(messages);
  });

  it('that changes objects says how often it is asked', () => {
    expect(judged(mutatingWebhookConfiguration, hooks({ reinvocationPolicy: 'Always' }))).toEqual([
      'webhooks[0].reinvocationPolicy: Unsupported value: "Always": supported values: "IfNeeded", "Never"',
    ]);
  });
});

const matchConstraints = { resourceRules: [rule] };
const policy = { matchConstraints, validations: [{ expression: 'true' }] };

describe('a validating policy', () => {
  it.each<[string, object, readonly string[]]>([
    ['a good one', policy, []],
    ['an empty one', {}, [
      'spec.matchConstraints: Required value', 'spec.validations: Required value: validations or auditAnnotations must contain at least one item',
      'spec.auditAnnotations: Required value: validations or auditAnnotations must contain at least one item',
    ]],
    ['no rules', { ...policy, matchConstraints: {} }, ['spec.matchConstraints.resourceRules: Required value']],
    ['names that are none', { ...policy, matchConstraints: { resourceRules: [{ ...rule, resourceNames: ['a/b', 'c', 'c'] }] } }, [
      'spec.matchConstraints.resourceRules[0].resourceNames[0]: Invalid value: "a/b": may not contain \'/\'', 'spec.matchConstraints.resourceRules[0].resourceNames[2]: Duplicate value: "c"',
    ]],
    ['a kind of parameters without a version', { ...policy, paramKind: { apiVersion: 'a/', kind: 'A_b' } }, [
      'spec.paramKind.apiVersion: Invalid value: "a/": version must be specified',
      "spec.paramKind.kind: Invalid value: \"A_b\": may have mixed case, but should otherwise match: a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')",
    ]],
    ['a word of the language as a name', { ...policy, variables: [{ name: 'in', expression: '' }] }, [
      'spec.variables[0].name: Invalid value: "in": name is not a valid CEL identifier', 'spec.variables[0].expression: Required value: expression is not specified',
    ]],
    ['validations that say nothing', { ...policy, validations: [{ expression: ' ', message: 'a\nb', messageExpression: ' ', reason: 'Gone' }] }, [
      'spec.validations[0].expression: Required value: expression is not specified', 'spec.validations[0].messageExpression: Invalid value: " ": must be non-empty if specified',
      'spec.validations[0].message: Invalid value: "a\\nb": message must not contain line breaks',
      'spec.validations[0].reason: Unsupported value: "Gone": supported values: "Forbidden", "Invalid", "RequestEntityTooLarge"',
    ]],
    ['expressions that do not compile', { ...policy, matchConditions: [{ name: 'a', expression: 'params' }], variables: [{ name: 'a', expression: '1' }], validations: [{ expression: 'object.a ==', messageExpression: '1' }, { expression: 'variables.a' }] }, [
      "spec.matchConditions[0].expression: Invalid value: \"params\": compilation failed: ERROR: <input>:1:1: undeclared reference to 'params' (in container '')\n | params\n | ^",
      "spec.validations[0].expression: Invalid value: \"object.a ==\": compilation failed: ERROR: <input>:1:12: Syntax error: mismatched input '<EOF>' expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}\n | object.a ==\n | ...........^",
      'spec.validations[0].messageExpression: Invalid value: "1": must evaluate to string', 'spec.validations[1].expression: Invalid value: "variables.a": must evaluate to bool',
    ]],
    ['annotations', { ...policy, auditAnnotations: [{ key: 'k', valueExpression: '' }, { key: 'k', valueExpression: '"a"' }] }, [
      'spec.auditAnnotations[0].valueExpression: Required value: valueExpression is not specified', 'spec.auditAnnotations[1].key: Duplicate value: "k"',
    ]],
  ])('is judged: %s', (_name, spec, messages) => {
    expect(judged(validatingAdmissionPolicy, { spec })).toEqual(messages);
  });

  it('says in its status what it is', () => {
    const condition = { type: 'Ready', status: 'Yes', reason: '', message: '', lastTransitionTime: '2026-01-01T00:00:00Z' };
    expect(fieldErrorTexts(validatingAdmissionPolicy.validateStatusUpdate?.({ status: { conditions: [condition], typeChecking: { expressionWarnings: [{ fieldRef: ' ', warning: '' }] } } }, {}))).toEqual([
      'status.typeChecking.expressionWarnings[0].warning: Required value', 'status.typeChecking.expressionWarnings[0].fieldRef: Required value',
      'status.conditions[0].status: Unsupported value: "Yes": supported values: "False", "True", "Unknown"', 'status.conditions[0].reason: Required value: must be set',
    ]);
  });
});

describe('a mutating policy', () => {
  const mutations = [{ patchType: 'JSONPatch', jsonPatch: { expression: '[]' } }];

  it.each<[string, object, readonly string[]]>([
    ['a good one', { matchConstraints, mutations, reinvocationPolicy: 'Never' }, []],
    ['an empty one', { matchConstraints }, ['spec.mutations: Required value: mutations must contain at least one item', 'spec.reinvocationPolicy: Required value']],
    ['a patch of another type', { matchConstraints, reinvocationPolicy: 'Never', mutations: [{ patchType: 'ApplyConfiguration', jsonPatch: { expression: '[]' } }] }, [
      'spec.mutations[0].applyConfiguration: Required value: must be specified when patchType is ApplyConfiguration',
      'spec.mutations[0].jsonPatch: Invalid value: "{jsonPatch}": must not be specified when patchType is ApplyConfiguration',
    ]],
    ['no type', { matchConstraints, reinvocationPolicy: 'Never', mutations: [{ patchType: '' }, { patchType: 'Merge' }] }, [
      'spec.mutations[0].patchType: Required value', 'spec.mutations[1].patchType: Unsupported value: "Merge": supported values: "ApplyConfiguration", "JSONPatch"',
    ]],
  ])('is judged: %s', (_name, spec, messages) => {
    expect(judged(mutatingAdmissionPolicy, { spec })).toEqual(messages);
  });
});

describe('a binding', () => {
  it.each<[string, object, readonly string[]]>([
    ['a good one', { policyName: 'p', validationActions: ['Deny'], paramRef: { name: 'a', parameterNotFoundAction: 'Deny' } }, []],
    ['an empty one', {}, ['spec.policyName: Required value', 'spec.validationActions: Required value: at least one validation action is required']],
    ['a parameter named twice', { policyName: 'p', validationActions: ['Deny'], paramRef: { name: 'a', selector: {} } }, [
      'spec.paramRef.name: Forbidden: name and selector are mutually exclusive', 'spec.paramRef.selector: Forbidden: name and selector are mutually exclusive',
      'spec.paramRef.parameterNotFoundAction: Required value',
    ]],
    ['actions that repeat themselves', { policyName: 'p', validationActions: ['Deny', 'Warn', 'Warn', 'Log'] }, [
      'spec.validationActions[2]: Duplicate value: "Warn"', 'spec.validationActions[3]: Unsupported value: "Log": supported values: "Audit", "Deny", "Warn"',
      'spec.validationActions: Invalid value: ["Deny","Warn","Warn","Log"]: must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)',
    ]],
  ])('is judged: %s', (_name, spec, messages) => {
    expect(judged(validatingAdmissionPolicyBinding, { spec })).toEqual(messages);
  });

  it.each<[object | undefined, string]>([
    [undefined, '<unset>'], [{ name: 'a' }, '*/a'], [{ name: 'a', namespace: 'n' }, 'n/a'], [{ selector: { matchLabels: { a: 'b' } } }, 'a=b'],
  ])('shows where parameters are: %j', (paramRef, text) => {
    expect(mutatingAdmissionPolicyBinding.columns[2]?.cell({ spec: { policyName: 'p', ...(paramRef === undefined ? {} : { paramRef }) } }, 0)).toBe(text);
  });
});
