import { failure, type ApiError } from '../../../machinery/status.ts';
import type { KubernetesObject } from '../../../machinery/kinds/kind.ts';
import { messageOf } from '../../../machinery/thrown.ts';
import type { Authorizer } from '../../access/access.ts';
import { refused } from '../../access/refused.ts';
import { WebhookError, type ClientConfig, type WebhookClient } from '../../webhooks/client.ts';
import { targetOf, type Admitted } from '../admission.ts';
import { conditionsHold, sharedBindings } from '../policy/evaluate.ts';
import { attributesOf, type Attributes } from '../policy/request-value.ts';
import type { Hook, Webhook } from './hooks.ts';
import { answerOf, AnswerProblem, denial, reviewOf, type Answer } from './review.ts';

export interface Asking {
  readonly client: WebhookClient;
  readonly authorizer: Authorizer;
  readonly uuid: () => string;
  readonly metrics?: WebhookMetrics;
}

/** Told how asking went. */
export interface WebhookMetrics {
  /** Milliseconds, for durations. */
  readonly now: () => number;
  readonly asked: (webhook: string, how: { readonly operation: string; readonly type: 'validating' | 'admit'; readonly outcome: 'allowed' | 'rejected' | 'failed'; readonly code: number; readonly milliseconds: number }) => void;
}

/** A webhook that is about a write, and the write as it sees it. */
export interface Concerned<W extends Webhook> {
  readonly hook: Hook<W>;
  readonly attributes: Attributes;
}

/** Undefined: the webhook isn't concerned. Throws 403 where its conditions fail, and it fails closed. */
export async function concerned<W extends Webhook>(hook: Hook<W>, write: Admitted, object: KubernetesObject | undefined, authorizer: Authorizer): Promise<Concerned<W> | undefined> {
  const as = hook.matches(write, object);
  if (as === undefined) return undefined;
  const attributes = await attributesOf(write, object, as);
  if (hook.conditions.length === 0) return { hook, attributes };
  const outcome = conditionsHold(hook.conditions, sharedBindings(attributes, authorizer));
  if (outcome.type === 'match') return { hook, attributes };
  if (outcome.type === 'skip' || hook.webhook.failurePolicy === 'Ignore') return undefined;
  throw refused(targetOf(write), outcome.problem);
}

const defaultSeconds = 10;
const withoutEffects: ReadonlySet<string> = new Set(['None', 'NoneOnDryRun']);

/**
 * Asks one webhook. Warnings and annotations are given on the way. Undefined: it failed, and its failures are ignored. Throws
 * `ApiError`: the webhook's own refusal, 500 when it failed, 400 when it can't be asked about a dry run.
 */
export async function ask(type: 'validating' | 'admit', { hook: { webhook }, attributes }: Concerned<Webhook>, { client, uuid, metrics }: Asking): Promise<Answer | undefined> {
  const { write } = attributes;
  const { name } = webhook;
  if (write.dryRun && !withoutEffects.has(webhook.sideEffects)) throw failure('BadRequest', `admission webhook ${JSON.stringify(name)} does not support dry run`);
  const review = reviewOf(attributes, uuid(), webhook.admissionReviewVersions);
  const began = metrics?.now() ?? 0;
  const note = (outcome: 'allowed' | 'rejected' | 'failed', code: number): void => {
    metrics?.asked(name, { operation: write.operation, type, outcome, code, milliseconds: metrics.now() - began });
  };
  let answer: Answer;
  try {
    // The kind's validation saw to it that there is a URL or a service.
    answer = answerOf(review, await client.call(webhook.clientConfig as ClientConfig, review, { timeoutMs: (webhook.timeoutSeconds ?? defaultSeconds) * 1000, signal: write.signal }));
  } catch (error) {
    if (!(error instanceof WebhookError) && !(error instanceof AnswerProblem)) throw error;
    note('failed', 500);
    if (webhook.failurePolicy === 'Ignore') return undefined;
    throw unreachable(name, error);
  }
  for (const [key, value] of Object.entries(answer.annotations)) write.annotate(`${name}/${key}`, value);
  for (const warning of answer.warnings) write.warn(warning);
  if (answer.allowed) {
    note('allowed', 200);
    return answer;
  }
  const refusal = denial(name, answer.status);
  note('rejected', refusal.code);
  throw refusal;
}

function unreachable(name: string, error: Error): ApiError {
  const message = `failed calling webhook ${JSON.stringify(name)}: ${error instanceof WebhookError ? 'failed to call webhook' : 'received invalid webhook response'}: ${messageOf(error)}`;
  return failure('InternalError', `Internal error occurred: ${message}`, { causes: [{ message }] }, { cause: error });
}
