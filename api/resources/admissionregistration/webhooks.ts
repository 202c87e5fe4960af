import { invalid, required, duplicate, Path, type FieldError } from '../../../machinery/field-path.ts';
import type { MutatingWebhook, ValidatingWebhook } from '../../../machinery/kinds/admission-registration.ts';
import type { Draft } from '../../../machinery/kinds/wire.ts';
import { validateLabelSelector } from '../../../machinery/labels.ts';
import { dns1035Label, dns1123Subdomain } from '../../../machinery/names.ts';
import { faults, oneOf } from '../checks.ts';
import { conditionProblems } from '../../admission/policy/problems.ts';
import { validateMatchConditions } from './match.ts';
import { defaultRules, validateRules } from './rules.ts';
import { validateWebhookService, validateWebhookUrl } from '../webhook-address.ts';

/** What both configurations of webhooks share. Source: "Dynamic admission control"; wording: Kubernetes' validation. */

type Webhook = ValidatingWebhook | MutatingWebhook;

export const failurePolicies = ['Fail', 'Ignore'] as const;
export const matchPolicies = ['Equivalent', 'Exact'] as const;
export const reinvocationPolicies = ['IfNeeded', 'Never'] as const;
const sideEffects = ['None', 'NoneOnDryRun'] as const;
/** AdmissionReviews of these versions can be sent. */
const reviewVersions = ['v1', 'v1beta1'] as const;
/** Seconds. */
const longestTimeout = 30;
/** A webhook's name: at least so many labels. */
const nameSegments = 3;

export function defaultWebhook(webhook: Draft<Webhook>): void {
  webhook.failurePolicy ??= 'Fail';
  webhook.matchPolicy ??= 'Equivalent';
  webhook.namespaceSelector ??= {};
  webhook.objectSelector ??= {};
  webhook.timeoutSeconds ??= 10;
  defaultRules(webhook.rules);
  const service = webhook.clientConfig?.service;
  if (service !== undefined) service.port ??= 443;
}

/** `more`: what one sort of webhook has beyond the other. */
export function validateWebhooks<W extends Webhook>(webhooks: readonly W[] | undefined, more: (webhook: W, path: Path) => FieldError[]): FieldError[] {
  const names = (webhooks ?? []).map(({ name = '' }) => name);
  return (webhooks ?? []).flatMap((webhook, index) => {
    const path = new Path('webhooks').index(index);
    const name = names[index] ?? '';
    return [
      ...validateWebhook(webhook, path),
      ...more(webhook, path),
      ...validateReviewVersions(webhook.admissionReviewVersions ?? [], path.child('admissionReviewVersions')),
      ...(name !== '' && names.indexOf(name) < index ? [duplicate(path.child('name'), name)] : []),
    ];
  });
}

function validateWebhook(webhook: Webhook, path: Path): FieldError[] {
  const { sideEffects: effects, timeoutSeconds, clientConfig } = webhook;
  return [
    ...validateName(webhook.name ?? '', path.child('name')),
    ...validateRules(webhook.rules, path.child('rules')),
    ...oneOf(path.child('failurePolicy'), webhook.failurePolicy, failurePolicies),
    ...oneOf(path.child('matchPolicy'), webhook.matchPolicy, matchPolicies),
    ...(effects === undefined ? [required(path.child('sideEffects'), `must specify one of ${sideEffects.join(', ')}`)] : oneOf(path.child('sideEffects'), effects, sideEffects)),
    ...(timeoutSeconds !== undefined && (timeoutSeconds < 1 || timeoutSeconds > longestTimeout)
      ? [invalid(path.child('timeoutSeconds'), timeoutSeconds, `the timeout value must be between 1 and ${longestTimeout} seconds`)] : []),
    ...validateLabelSelector(webhook.namespaceSelector, path.child('namespaceSelector')),
    ...validateLabelSelector(webhook.objectSelector, path.child('objectSelector')),
    ...validateClientConfig(clientConfig ?? {}, path.child('clientConfig')),
    ...validateMatchConditions(webhook.matchConditions, path.child('matchConditions')),
    ...conditionProblems(webhook.matchConditions, path.child('matchConditions')),
  ];
}

function validateName(name: string, path: Path): FieldError[] {
  if (name === '') return [required(path)];
  const messages = dns1123Subdomain(name);
  if (messages.length > 0) return [invalid(path, name, messages.join(','))];
  return name.split('.').length < nameSegments ? [invalid(path, name, 'should be a domain with at least three segments separated by dots')] : [];
}

function validateClientConfig({ url, service }: Partial<Webhook['clientConfig']>, path: Path): FieldError[] {
  if ((url === undefined) === (service === undefined)) return [required(path, 'exactly one of url or service is required')];
  return url === undefined ? validateWebhookService(service ?? {}, path.child('service')) : validateWebhookUrl(url, path.child('url'));
}

function validateReviewVersions(versions: readonly string[], path: Path): FieldError[] {
  if (versions.length === 0) return [required(path, `must specify one of ${reviewVersions.join(', ')}`)];
  const errors = versions.flatMap((version, index) => (versions.indexOf(version) < index
    ? [invalid(path.index(index), version, 'duplicate version')] : faults(path.index(index), version, dns1035Label(version))));
  if (versions.some((version) => reviewVersions.some((known) => known === version))) return errors;
  return [...errors, invalid(path, versions, `must include at least one of ${reviewVersions.join(', ')}`)];
}
