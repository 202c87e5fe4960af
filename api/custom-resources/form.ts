import { keptText } from '../../machinery/kept-bytes.ts';
import { apiVersionOf, type Kind, type KubernetesObject } from '../../machinery/kinds/kind.ts';
import type { CustomForm } from '../resources/define.ts';
import { createDecoder } from '../schema/walk/decode.ts';
import { createEncoder, sorted } from '../schema/walk/encode.ts';
import { copy, define } from '../schema/walk/scalars.ts';
import type { WrittenSchema } from '../schema/openapi-definitions.ts';
import { openApiOf } from './openapi.ts';
import { readEmbedded } from './schema/embedded.ts';
import { envelopeSchema, objectSchemaOf } from './schema/object-schema.ts';
import { prune } from './schema/prune.ts';
import type { Structural } from './schema/structural.ts';

/** Metadata is that of all kinds: one reading and one writing for every custom resource. */
const decoder = createDecoder();
const encoder = createEncoder();
const envelope = envelopeSchema('io.k8s.apimachinery.pkg.apis.meta.v1.PartialObjectMetadata');

/** `com.example.stable.v1.CronTab`: how OpenAPI names a kind of a group that isn't Kubernetes' own. */
export function definitionName({ group, version, kind }: Pick<Kind, 'group' | 'version' | 'kind'>): string {
  return [...group.split('.').toReversed(), version, kind].join('.');
}

/** How the objects of one version of a custom resource are read and written. `selectable`: fields that selectors may name. */
export function customForm(kind: Pick<Kind, 'group' | 'version' | 'kind'>, schema: Structural, selectable: readonly string[] = []): CustomForm {
  let objectSchema: WrittenSchema | undefined;
  return {
    get schema() {
      return (objectSchema ??= {
        ...objectSchemaOf(schema, definitionName(kind), { group: kind.group, version: kind.version, kind: kind.kind }),
        openApi: (version) => openApiOf(schema, kind, version, selectable),
      });
    },
    decode(value) {
      const object = copy(value) as Record<string, unknown>;
      const unknown = prune(object, schema);
      const { metadata, apiVersion, kind: ofKind } = object;
      const read = decoder.decode(envelope, { metadata, apiVersion, kind: ofKind });
      if (read.object['metadata'] === undefined) delete object['metadata'];
      else object['metadata'] = read.object['metadata'];
      return { object, unknown: [...read.unknown, ...unknown, ...readEmbedded(object, schema)] };
    },
    encode: (object) => encode(kind, object),
  };
}

/** Kind, apiVersion and metadata, then the rest with its keys sorted: one text for one meaning. */
export function encode(kind: Pick<Kind, 'group' | 'version' | 'kind'>, object: KubernetesObject): Buffer {
  const head = encoder.encode(envelope, apiVersionOf(kind), kind.kind, object);
  const rest: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(object)) if (name !== 'apiVersion' && name !== 'kind' && name !== 'metadata' && value !== undefined) define(rest, name, value);
  const tail = JSON.stringify(sorted(rest));
  return keptText(tail === '{}' ? head : `${head.slice(0, -1)},${tail.slice(1)}`);
}
