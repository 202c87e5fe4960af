import { apiVersionOf } from '../../machinery/kinds/kind.ts';
import { ApiError } from '../../machinery/status.ts';
import type { Resource } from '../resources/define.ts';
import type { Change } from '../store/cache.ts';
import { tableHead, type IncludeObject, type TableRenderer } from './table.ts';

/** One change as a line of a watch's stream. Source: "Efficient detection of changes", API concepts. */
export type Frame = (resource: Resource, change: Change) => Buffer;

const tail = Buffer.from('}\n');
const heads = {
  ADDED: Buffer.from('{"type":"ADDED","object":'),
  MODIFIED: Buffer.from('{"type":"MODIFIED","object":'),
  DELETED: Buffer.from('{"type":"DELETED","object":'),
};

/** Frames in which the object is its bytes. */
export function objectFrame(form: 'json' | 'metadata'): Frame {
  return (resource, change) => (change.type === 'BOOKMARK'
    ? bookmarkFrame(form === 'json' ? resource : { kind: 'PartialObjectMetadata', group: 'meta.k8s.io', version: 'v1' }, change)
    : Buffer.concat([heads[change.type], change.entry.encoded(form), tail]));
}

function bookmarkFrame(kind: Pick<Resource, 'group' | 'version' | 'kind'>, change: Change & { type: 'BOOKMARK' }): Buffer {
  return line({ type: 'BOOKMARK', object: { kind: kind.kind, apiVersion: apiVersionOf(kind), metadata: { ...bookmarkMetadata(change), creationTimestamp: null } } });
}

/** What a bookmark says: how far the watch has come. */
export function bookmarkMetadata({ revision, initialEventsEnd }: Change & { type: 'BOOKMARK' }): object {
  return { resourceVersion: String(revision), ...(initialEventsEnd === true ? { annotations: { 'k8s.io/initial-events-end': 'true' } } : {}) };
}

/** Frames in which every event is a Table of one row; only the first tells the columns, as Kubernetes does. */
export function tableFrames(tables: TableRenderer, include: IncludeObject): Frame {
  let told = false;
  return (resource, change) => {
    const revision = change.type === 'BOOKMARK' ? change.revision : change.entry.revision;
    const columns = told ? 'null' : tables.columns(resource);
    told = true;
    const row = change.type === 'BOOKMARK' ? '' : tables.row(resource, change.entry, include);
    return Buffer.from(`{"type":"${change.type}","object":${tableHead({ resourceVersion: String(revision) }, columns)}${row}]}}\n`);
  };
}

/** The last line of a watch that failed. */
export function errorFrame(error: Error): Buffer {
  return line({ type: 'ERROR', object: statusOf(error) });
}

export function statusOf(error: Error): object {
  return error instanceof ApiError
    ? error.status
    : { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message: error.message, reason: 'InternalError', code: 500 };
}

function line(value: unknown): Buffer {
  return Buffer.from(`${JSON.stringify(value)}\n`);
}
