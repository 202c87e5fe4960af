import { keptText } from '../../machinery/kept-bytes.ts';
import { invalid, invalidObject, notSupported, Path } from '../../machinery/field-path.ts';
import { apiVersionOf, type Kind, type KubernetesObject } from '../../machinery/kinds/kind.ts';
import type { Draft } from '../../machinery/kinds/wire.ts';
import { strategicMerge } from '../../machinery/patch/strategic-merge.ts';
import type { ObjectSchema } from '../../machinery/schema.ts';
import { failure, type ApiError } from '../../machinery/status.ts';
import type { Codec } from '../handlers/writer.ts';
import type { Body } from '../request.ts';
import type { Resource } from '../resources/define.ts';
import { insideOf, isBuiltin, schemaOf } from './builtin.ts';
import { stringifyExact } from './json-exact.ts';
import { readJson } from './json-text.ts';
import { isObject } from '../../machinery/patch/json-value.ts';
import { createDecoder, type Decoded } from './walk/decode.ts';
import { createEncoder } from './walk/encode.ts';
import { DecodeProblem, mismatchWithin, TooLargeProblem } from './walk/problem.ts';
import type { YamlOutcome } from './yaml-reader.ts';
import { readYaml } from './yaml-text.ts';

/**
 * Between bodies, objects and stored bytes. What a client did wrong is told in Kubernetes' words.
 * Source: "Field validation", API concepts; the API server's answers, as observed.
 */

type GroupVersionKind = Pick<Kind, 'group' | 'version' | 'kind'>;

type Target = Pick<Resource, 'group' | 'version' | 'kind' | 'custom'>;

interface Options {
  readonly fieldValidation: string | undefined;
  readonly warn: (text: string) => void;
}

interface Content {
  readonly value: unknown;
  readonly duplicates: readonly string[];
  /** These and unknown fields, as they come in the body. */
  readonly inOrder?: (unknown: readonly string[]) => readonly string[];
  /** Nobody else holds the value: it was made of a body's bytes. */
  readonly owned?: 'owned';
}

/** `schemaFor` finds the schema of a kind that the server serves. */
export function createCodec(schemaFor: (kind: GroupVersionKind) => ObjectSchema = schemaOf): Codec {
  const decoder = createDecoder(insideOf);
  const encoder = createEncoder();

  /** Reads `content` as a kind. Throws `DecodeProblem` for what doesn't fit, and for unknown fields when these are refused. */
  function read(resource: Target, content: Content, options: Options): Draft<KubernetesObject> {
    const { object, unknown } = decoded(resource, content);
    object['apiVersion'] = apiVersionOf(resource);
    object['kind'] = resource.kind;
    // A custom kind's body is read whole first, its fields are compared with the schema after that: as Kubernetes lists them.
    if (content.inOrder !== undefined && resource.custom === undefined) report(content.inOrder(unknown), options);
    else report([...content.duplicates, ...unknown.map((path) => `unknown field ${JSON.stringify(path)}`)], options);
    return object;
  }

  function decoded(resource: Target, { value, owned }: Content): Pick<Decoded, 'object' | 'unknown'> {
    return resource.custom !== undefined && isObject(value) ? resource.custom.decode(value) : decoder.decode(schemaFor(resource), value, owned);
  }

  return {
    decode(resource, body, options) {
      checkFieldValidation(options.fieldValidation, 'CreateOptions');
      const content = readBody(resource, body);
      const gvk = kindOf(content.value, resource);
      try {
        checkKind(gvk, resource, content.value);
        return read(resource, content, options);
      } catch (error) {
        throw answer(error, (problem) => failure('BadRequest', `${gvk.kind} in version ${JSON.stringify(gvk.version)} cannot be handled as a ${resource.kind}: ${problem}`, undefined, { cause: error }));
      }
    },
    check(resource, value, options) {
      checkFieldValidation(options.fieldValidation, 'PatchOptions');
      try {
        checkKind(kindOf(value, resource), resource, value);
        return read(resource, { value, duplicates: options.duplicates ?? [] }, options);
      } catch (error) {
        throw answer(error, (problem) => invalidObject({ group: '', kind: '' }, '', [invalid(new Path('patch'), stringifyExact(value), problem)]));
      }
    },
    parse(body, options) {
      try {
        const { value, duplicates } = contentOf(body);
        if (options !== undefined) reportDuplicates(duplicates, options);
        return value;
      } catch (error) {
        throw answer(error, (problem) => failure('BadRequest', `error decoding patch: ${problem}`, undefined, { cause: error }));
      }
    },
    encode: (resource, object) => (resource.custom === undefined
      ? keptText(encoder.encode(schemaFor(resource), apiVersionOf(resource), resource.kind, object))
      : resource.custom.encode(object)),
    strategicMerge: (resource, original, patch) => strategicMerge(schemaFor(resource), original, patch),
  };
}

/** Turns a problem into the failure that `build` makes of its text; everything else stays what it is. */
function answer(error: unknown, build: (problem: string) => ApiError): unknown {
  if (error instanceof TooLargeProblem) return failure('RequestEntityTooLarge', error.message, undefined, { cause: error });
  return error instanceof DecodeProblem ? build(error.message) : error;
}

const validations = ['Ignore', 'Strict', 'Warn'];

function checkFieldValidation(asked: string | undefined, kind: string): void {
  if (asked === undefined || asked === '' || validations.includes(asked)) return;
  throw invalidObject({ group: 'meta.k8s.io', kind }, '', [notSupported(new Path('fieldValidation'), asked, validations)]);
}

/** Unknown and duplicate fields: refused, warned about (unless asked otherwise), or passed over in silence. */
function report(problems: readonly string[], { fieldValidation, warn }: Options): void {
  if (problems.length === 0 || fieldValidation === 'Ignore') return;
  if (fieldValidation === 'Strict') throw new DecodeProblem(`strict decoding error: ${problems.join(', ')}`);
  for (const problem of problems) warn(problem);
}

/** Keys that a configuration has twice: refused, warned about, or passed over in silence. */
function reportDuplicates(duplicates: readonly string[], { fieldValidation, warn }: Options): void {
  checkFieldValidation(fieldValidation, 'PatchOptions');
  if (duplicates.length === 0 || fieldValidation === 'Ignore') return;
  if (fieldValidation === 'Strict') throw failure('BadRequest', `error strict decoding patch: ${duplicates.join(', ')}`);
  for (const problem of duplicates) warn(problem);
}

function contentOf({ content, mediaType, yaml }: Body): Content {
  if ('value' in content) return { value: content.value, duplicates: [] };
  if (yaml !== undefined) return readElsewhere(yaml);
  return (mediaType.includes('yaml') ? jsonWithin(content.bytes) ?? readYaml(content.bytes) : jsonOf(content.bytes));
}

function readElsewhere(outcome: YamlOutcome): Content {
  if ('problem' in outcome) throw new DecodeProblem(outcome.problem);
  const { json, duplicates } = outcome;
  return { ...jsonOf(Buffer.from(json.buffer, json.byteOffset, json.byteLength)), duplicates };
}

function jsonOf(bytes: Buffer): Content {
  const { value, duplicates, inOrder } = readJson(bytes);
  return { value, owned: 'owned', duplicates: duplicates.map((path) => `duplicate field ${JSON.stringify(path)}`), ...(inOrder === undefined ? {} : { inOrder }) };
}

const openBrace = 0x7b;

/** YAML that is JSON, as client libraries send it: read as such it takes a small part of the time. Undefined: it isn't. */
function jsonWithin(bytes: Buffer): Content | undefined {
  if (bytes[0] !== openBrace) return undefined;
  try {
    return jsonOf(bytes);
  } catch (error) {
    if (error instanceof DecodeProblem) return undefined;
    throw error;
  }
}

const shownBytes = 30;

/** Go's type of what is read of a body first. */
const typeMeta = String.raw`struct { APIVersion string "json:\"apiVersion,omitempty\""; Kind string "json:\"kind,omitempty\"" }`;

/** The body's value, an object; 400 when it is no JSON or YAML. Null is an object without fields. */
function readBody(resource: GroupVersionKind, body: Body): Content {
  try {
    const content = contentOf(body);
    const { value, duplicates } = content;
    if (value === null) return { value: {}, duplicates };
    if (typeof value !== 'object' || Array.isArray(value)) throw mismatchWithin(value, typeMeta);
    return content;
  } catch (error) {
    throw answer(error, (problem) => {
      const text = `couldn't get version/kind; json parse error: ${problem}`;
      return failure('BadRequest', `the object provided is unrecognized (must be of type ${resource.kind}): ${text} (${start(body)})`, undefined, { cause: error });
    });
  }
}

/** The beginning of a body, for messages: text when it looks like JSON, else hexadecimal. */
function start({ content }: Body): string {
  if (!('bytes' in content) || content.bytes.length === 0) return '<empty>';
  const text = content.bytes.toString(content.bytes[0] === 0x7b ? 'utf8' : 'hex', 0, shownBytes);
  return content.bytes.length > shownBytes ? `${text} ...` : text;
}

/** What the value says it is; what it doesn't say is as asked. */
function kindOf(value: unknown, resource: GroupVersionKind): GroupVersionKind {
  const { apiVersion = '', kind = '' } = (typeof value === 'object' && value !== null ? value : {}) as { apiVersion?: unknown; kind?: unknown };
  const said = typeof apiVersion === 'string' && apiVersion !== '' ? apiVersion : apiVersionOf(resource);
  const [group = '', version = ''] = said.includes('/') ? said.split('/', 2) : ['', said];
  return { group, version, kind: typeof kind === 'string' && kind !== '' ? kind : resource.kind };
}

/** Throws unless the body is of the kind that the URL addresses. */
function checkKind(given: GroupVersionKind, wanted: Target, value: unknown): void {
  const apiVersion = apiVersionOf(given);
  if (given.kind === wanted.kind && apiVersion === apiVersionOf(wanted)) return;
  // Any kind can be read as what it is: only then it turns out to be another.
  if (wanted.custom !== undefined && apiVersion === apiVersionOf(wanted)) throw invalidObject(given, nameIn(value), [invalid(new Path('kind'), given.kind, `must be ${wanted.kind}`)]);
  if (wanted.custom !== undefined || (given.kind === wanted.kind && isBuiltin(given))) {
    throw failure('BadRequest', `the API version in the data (${apiVersion}) does not match the expected API version (${apiVersionOf(wanted)})`);
  }
  if (!isBuiltin(given)) throw new DecodeProblem(`no kind ${JSON.stringify(given.kind)} is registered for version ${JSON.stringify(apiVersion)} in scheme "pkg/api/legacyscheme/scheme.go:30"`);
  throw new DecodeProblem(`converting (${given.version}.${given.kind}) to (${internalGroup(wanted)}.${wanted.kind}): unknown conversion`);
}

function nameIn(value: unknown): string {
  const metadata = isObject(value) ? value['metadata'] : undefined;
  const name = isObject(metadata) ? metadata['name'] : undefined;
  return typeof name === 'string' ? name : '';
}

function internalGroup({ group }: GroupVersionKind): string {
  return group === '' ? 'core' : (group.split('.', 1)[0] ?? group);
}
