import { apiVersionOf } from '../../../machinery/kinds/kind.ts';
import type { Resource } from '../../resources/define.ts';
import type { Change, Form } from '../../store/cache.ts';
import { bookmarkMetadata, statusOf, type Frame } from '../watch-frames.ts';
import type { ProtobufEncoder } from './encode.ts';
import { envelope, watchFrame } from './envelope.ts';

const partial = { group: 'meta.k8s.io', version: 'v1', kind: 'PartialObjectMetadata' } as const;

/** Changes as frames of a stream of `application/vnd.kubernetes.protobuf;stream=watch`. */
export function protobufFrame(encoder: ProtobufEncoder, form: Form & `protobuf${string}`): Frame {
  return (resource: Resource, change: Change) => {
    const kind = form === 'protobuf' ? resource : partial;
    const message = change.type === 'BOOKMARK'
      ? encoder.message(apiVersionOf(kind), kind.kind, { metadata: bookmarkMetadata(change) })
      : change.entry.encoded(form);
    return watchFrame(change.type, envelope(apiVersionOf(kind), kind.kind, message));
  };
}

/** The last frame of a watch that failed. */
export function protobufErrorFrame(encoder: ProtobufEncoder): (error: Error) => Buffer {
  return (error) => watchFrame('ERROR', envelope('v1', 'Status', encoder.message('v1', 'Status', statusOf(error))));
}
