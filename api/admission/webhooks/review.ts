import { fieldOf, isList, isObject, textOf } from '../../../machinery/patch/json-value.ts';
import { ApiError, type Status } from '../../../machinery/status.ts';
import { parseTrusted } from '../../schema/json-exact.ts';
import { objectValue, requestValue, type Attributes } from '../policy/request-value.ts';

/** The review that a webhook is sent, and what its answer says. Source: "Webhook request and response", admission.k8s.io/v1. */

const known = ['v1', 'v1beta1'];

/** `versions`: those that the webhook can read, best first. */
export function reviewOf(attributes: Attributes, uid: string, versions: readonly string[]) {
  const { write, object, old } = attributes;
  const as = write.written ?? attributes.as;
  const version = versions.find((one) => known.includes(one)) ?? 'v1';
  return {
    kind: 'AdmissionReview', apiVersion: `admission.k8s.io/${version}`,
    request: { uid, ...requestValue(attributes), object: objectValue(object, as), oldObject: objectValue(old, as), dryRun: write.dryRun },
  };
}

export interface Answer {
  readonly allowed: boolean;
  /** Why not. */
  readonly status: Readonly<Record<string, unknown>> | undefined;
  /** The operations of a JSON patch. */
  readonly patch: unknown;
  readonly warnings: readonly string[];
  readonly annotations: Readonly<Record<string, string>>;
}

/** The answer was none that can be used. */
export class AnswerProblem extends Error {}

/** Reads a webhook's answer to a review. Throws `AnswerProblem`. */
export function answerOf(review: ReturnType<typeof reviewOf>, answer: unknown): Answer {
  if (!isObject(answer) || fieldOf(answer, 'kind') !== review.kind || fieldOf(answer, 'apiVersion') !== review.apiVersion) {
    const got = isObject(answer) ? `${textOf(fieldOf(answer, 'apiVersion'))}, Kind=${textOf(fieldOf(answer, 'kind'))}` : '';
    throw new AnswerProblem(`expected webhook response of ${review.apiVersion}, Kind=${review.kind}, got ${got}`);
  }
  const response = fieldOf(answer, 'response');
  if (!isObject(response)) throw new AnswerProblem('webhook response was absent');
  if (fieldOf(response, 'uid') !== review.request.uid && review.apiVersion.endsWith('/v1')) {
    throw new AnswerProblem(`expected response.uid=${JSON.stringify(review.request.uid)}, got ${JSON.stringify(textOf(fieldOf(response, 'uid')))}`);
  }
  const [status, warnings, annotations] = [fieldOf(response, 'status'), fieldOf(response, 'warnings'), fieldOf(response, 'auditAnnotations')];
  return {
    allowed: fieldOf(response, 'allowed') === true,
    status: isObject(status) ? status : undefined,
    patch: patchOf(fieldOf(response, 'patch'), fieldOf(response, 'patchType')),
    warnings: isList(warnings) ? warnings.filter((one) => typeof one === 'string') : [],
    annotations: isObject(annotations) ? Object.fromEntries(Object.entries(annotations).flatMap(([key, value]) => (typeof value === 'string' ? [[key, value] as const] : []))) : {},
  };
}

/** Undefined: there is none. */
function patchOf(patch: unknown, type: unknown): unknown {
  const hasPatch = typeof patch === 'string' && patch !== '';
  if (!hasPatch && (type ?? '') === '') return undefined;
  if (!hasPatch) throw new AnswerProblem('webhook returned response.patchType but not response.patch');
  if ((type ?? '') === '') throw new AnswerProblem('webhook returned response.patch but not response.patchType');
  if (type !== 'JSONPatch') throw new AnswerProblem(`webhook returned invalid response.patchType of ${JSON.stringify(type)}`);
  try {
    return parseTrusted(Buffer.from(patch, 'base64').toString());
  } catch (error) {
    if (error instanceof SyntaxError) throw new AnswerProblem(`the patch is no JSON: ${error.message}`, { cause: error });
    throw error;
  }
}

const leastCode = 400;

/** What the caller is told when a webhook says no: its own status, with its name before the message. */
export function denial(webhook: string, status: Answer['status']): ApiError {
  const by = `admission webhook ${JSON.stringify(webhook)} denied the request`;
  const [said, reason, code, details] = [textOf(status?.['message']), textOf(status?.['reason']), status?.['code'], status?.['details']];
  const why = said === '' ? reason : said;
  const answer: Status = {
    kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure',
    message: why === '' ? `${by} without explanation` : `${by}: ${why}`,
    ...(reason === '' ? {} : { reason }),
    ...(isObject(details) ? { details } : {}),
    code: typeof code === 'number' && code >= leastCode && code < 600 ? code : leastCode,
  };
  return new ApiError(answer);
}
