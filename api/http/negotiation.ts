import { failure } from '../../machinery/status.ts';
import type { Accept } from '../request.ts';
import { protobufType } from './protobuf/decode.ts';

/** How an answer is written: in which shape, in which text. Source: "Alternate representations of resources", API concepts. */
export interface Answer extends Accept {
  readonly media: 'application/json' | 'application/yaml' | typeof protobufType;
}

interface Clause {
  readonly type: string;
  readonly parameters: ReadonlyMap<string, string>;
}

/** What everybody understands. */
export const plainJson: Answer = { as: 'json', media: 'application/json' };
const shapes: ReadonlySet<string> = new Set(['Table', 'PartialObjectMetadata', 'PartialObjectMetadataList']);
const acceptable = 'application/json, application/yaml, application/vnd.kubernetes.protobuf, application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch';

/** What the kind asked for can be written as, besides JSON and YAML. */
export interface Forms {
  readonly protobuf: boolean;
  /** Reviews and bindings, which can't be read again, have no rows. */
  readonly table: boolean;
}

/** The first shape in `header` that can be written; `*` and nothing at all are JSON. Throws 406. */
export function negotiate(header: string | undefined, forms: Forms): Answer {
  if (header === undefined || header === '' || header === 'application/json' || header === '*/*') return plainJson;
  for (const clause of clauses(header)) {
    const answer = answerOf(clause, forms);
    if (answer !== undefined) return answer;
  }
  throw failure('NotAcceptable', `only the following media types are accepted: ${acceptable}`);
}

export function clauses(header: string): Clause[] {
  return header.split(',').map((text) => {
    const [type = '', ...parameters] = text.split(';').map((part) => part.trim());
    return { type: type.toLowerCase(), parameters: new Map(parameters.map(keyAndValue)) };
  });
}

function keyAndValue(parameter: string): [string, string] {
  const mark = parameter.indexOf('=');
  return mark < 0 ? [parameter, ''] : [parameter.slice(0, mark).trim(), parameter.slice(mark + 1).trim()];
}

function answerOf({ type, parameters }: Clause, forms: Forms): Answer | undefined {
  const media = type === protobufType ? protobufType : type === 'application/json' || type === '*/*' || type === 'application/*' ? 'application/json'
    : type === 'application/yaml' ? 'application/yaml' : undefined;
  if (media === undefined) return undefined;
  const as = parameters.get('as');
  if (as === undefined) return media === protobufType && !forms.protobuf ? undefined : { as: 'json', media };
  if (as === 'Table' && (media === protobufType || !forms.table)) return undefined;
  if (parameters.get('g') !== 'meta.k8s.io' || parameters.get('v') !== 'v1' || !shapes.has(as)) return undefined;
  return { as: as === 'Table' ? 'Table' : as === 'PartialObjectMetadata' ? 'PartialObjectMetadata' : 'PartialObjectMetadataList', media };
}

const bodyTypes: ReadonlySet<string> = new Set(['application/json', 'application/yaml']);

/** The media type of a body that is an object or options; JSON when the client doesn't say. Throws 415. */
export function bodyType(header: string | undefined): string {
  const type = mediaTypeOf(header);
  if (type === '') return 'application/json';
  if (bodyTypes.has(type)) return type;
  throw failure('UnsupportedMediaType', 'the body of the request was in an unknown format - accepted media types include: application/json, application/yaml');
}

/** A `Content-Type` without its parameters. */
export function mediaTypeOf(header: string | undefined): string {
  return (header ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
}

const browsers = ['curl/', 'Wget/', 'Mozilla/'];

/** Is the answer for eyes? As `pretty` says, else by the client. */
export function isPretty(query: Readonly<Record<string, string>>, userAgent: string | undefined): boolean {
  const { pretty } = query;
  if (pretty !== undefined) return pretty !== 'false' && pretty !== '0';
  return userAgent !== undefined && browsers.some((start) => userAgent.startsWith(start));
}
