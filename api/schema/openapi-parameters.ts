/** The parameters of requests, as OpenAPI documents list them. Source: "API concepts" and the options kinds of meta/v1 and core/v1. */

export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query';
  readonly type: 'string' | 'integer' | 'boolean';
  readonly description: string;
}

function query(name: string, type: Parameter['type'], description: string): Parameter {
  return { name, in: 'query', type, description };
}

/** The object's name, as a part of the path. */
export function nameOf(kind: string): Parameter {
  return { name: 'name', in: 'path', type: 'string', description: `Name of the ${kind}.` };
}

export const namespace: Parameter = { name: 'namespace', in: 'path', type: 'string', description: 'Namespace in which the objects are.' };
/** The rest of a path that is passed on to what is connected. */
export const restOfPath: Parameter = { name: 'path', in: 'path', type: 'string', description: 'Path of the request that is passed on.' };

export const pretty = query('pretty', 'string', 'Is the answer indented for human eyes? By default only for browsers, curl and wget.');

const dryRun = query('dryRun', 'string', '`All` goes through every stage of the request but stores nothing.');
const fieldManager = query('fieldManager', 'string', 'Who makes this change, as `metadata.managedFields` will say: at most 128 printable characters.');
const fieldValidation = query('fieldValidation', 'string', 'What unknown and duplicate fields of the body lead to: `Ignore` drops them, `Warn` (the default) also says so in a warning, `Strict` refuses the request and names all of them.');
const force = query('force', 'boolean', 'For apply only: takes over fields that other managers own.');

const gracePeriodSeconds = query('gracePeriodSeconds', 'integer', 'Seconds that the object is given to end; 0 deletes at once. By default as its kind decides.');
const orphanDependents = query('orphanDependents', 'boolean', 'Older form of `propagationPolicy`: `true` leaves dependents behind. Not together with it.');
const propagationPolicy = query('propagationPolicy', 'string', 'What becomes of dependents: `Background` deletes them afterwards, `Foreground` deletes them first, `Orphan` leaves them.');

const continueFrom = query('continue', 'string', 'Token from `metadata.continue` of the page before: asks for the next one.');
const fieldSelector = query('fieldSelector', 'string', 'Only objects whose fields have these values, such as `metadata.name=a`.');
const labelSelector = query('labelSelector', 'string', 'Only objects whose labels match, such as `app=web,tier in (a, b)`.');
const limit = query('limit', 'integer', 'Most objects in one page. When there are more, `metadata.continue` is set.');
const resourceVersion = query('resourceVersion', 'string', 'The version that the answer may not be older than, or from which a watch starts. Empty: the newest; `0`: any.');
const resourceVersionMatch = query('resourceVersionMatch', 'string', 'How `resourceVersion` of a list is meant: `Exact` or `NotOlderThan`.');
const sendInitialEvents = query('sendInitialEvents', 'boolean', 'A watch begins with all present objects, and a bookmark marks their end.');
const timeoutSeconds = query('timeoutSeconds', 'integer', 'Seconds after which the server ends the request, whatever it is doing.');
const allowWatchBookmarks = query('allowWatchBookmarks', 'boolean', 'The watch may send BOOKMARK events, which only carry a resource version.');
const watch = query('watch', 'boolean', 'Answers with a stream of changes instead of a list.');

export const creating: readonly Parameter[] = [dryRun, fieldManager, fieldValidation];
export const updating = creating;
export const patching: readonly Parameter[] = [dryRun, fieldManager, fieldValidation, force];
export const deleting: readonly Parameter[] = [dryRun, gracePeriodSeconds, orphanDependents, propagationPolicy];
const selecting: readonly Parameter[] = [continueFrom, fieldSelector, labelSelector, limit, resourceVersion, resourceVersionMatch, sendInitialEvents, timeoutSeconds];
export const listing: readonly Parameter[] = [allowWatchBookmarks, ...selecting, watch];
export const deletingMany: readonly Parameter[] = [...deleting, ...selecting];

const container = query('container', 'string', 'The container; may be left out when the pod has one.');
const streams = (verb: string): readonly Parameter[] => [
  query('stderr', 'boolean', `Is the standard error ${verb}? Not together with a terminal.`),
  query('stdin', 'boolean', `Is the standard input ${verb}?`),
  query('stdout', 'boolean', `Is the standard output ${verb}?`),
  query('tty', 'boolean', 'Is there a terminal?'),
];
const proxying: readonly Parameter[] = [query('path', 'string', 'Path of the request that is passed on.')];

/** Parameters of connections, by the kind of their options. */
export const connecting: Readonly<Record<string, readonly Parameter[]>> = {
  PodAttachOptions: [container, ...streams('connected')],
  PodExecOptions: [query('command', 'string', 'The command and, repeated, its arguments. No shell takes part.'), container, ...streams('connected')],
  PodPortForwardOptions: [query('ports', 'integer', 'Ports of the pod to forward to; needed by WebSocket clients.')],
  PodProxyOptions: proxying,
  ServiceProxyOptions: proxying,
  NodeProxyOptions: proxying,
};

/** Parameters of a pod's log. */
export const logging: readonly Parameter[] = [
  container,
  query('follow', 'boolean', 'Does the answer go on with what is written from now?'),
  query('insecureSkipTLSVerifyBackend', 'boolean', 'Is the certificate of the node taken unseen?'),
  query('limitBytes', 'integer', 'Most bytes of the answer.'),
  pretty,
  query('previous', 'boolean', 'The log of the container that ran before the present one.'),
  query('sinceSeconds', 'integer', 'Only what was written within so many seconds.'),
  query('sinceTime', 'string', 'Only what was written since this RFC 3339 time.'),
  query('stream', 'string', 'Only this stream: `All`, `Stdout` or `Stderr`.'),
  query('tailLines', 'integer', 'Only so many lines from the end.'),
  query('timestamps', 'boolean', 'Does each line begin with its time?'),
];
