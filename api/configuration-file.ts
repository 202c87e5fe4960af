/** Reads the files that an operator configures the API server by (an audit policy, what is encrypted): YAML of Kubernetes' forms. */
import { parse } from 'yaml';
import { isObject, type JsonObject } from '../machinery/patch/json-value.ts';
import { messageOf } from '../machinery/thrown.ts';

/** A file that a server is configured by is wrong; the message says which, where in it, and what it must be. */
export class ConfigurationFileError extends Error {
  constructor(subject: string, where: string, what: string, options?: ErrorOptions) {
    super(`${subject}: ${where}: ${what}`, options);
    this.name = 'ConfigurationFileError';
  }
}

/** Each throws `ConfigurationFileError`. `where` is a path in the file: `rules[0].verbs`. */
export interface ConfigurationReader {
  /** The file's one object, of that kind and version. */
  document(source: string, kind: string, apiVersion: string): JsonObject;
  object(value: unknown, where: string): JsonObject;
  /** Absent is empty. */
  list(value: unknown, where: string): readonly unknown[];
  text(value: unknown, where: string): string;
  texts(value: unknown, where: string): readonly string[];
  refuse(where: string, what: string): ConfigurationFileError;
}

/** `subject` is what users call the file: `audit policy`. */
export function configurationReader(subject: string): ConfigurationReader {
  const refuse = (where: string, what: string, options?: ErrorOptions): ConfigurationFileError => new ConfigurationFileError(subject, where, what, options);

  function parsed(source: string): unknown {
    try {
      return parse(source);
    } catch (error) {
      throw refuse('the file', `is no YAML: ${messageOf(error)}`, { cause: error });
    }
  }

  function object(value: unknown, where: string): JsonObject {
    if (!isObject(value)) throw refuse(where, 'must be an object');
    return value;
  }

  function list(value: unknown, where: string): readonly unknown[] {
    if (value === undefined || value === null) return [];
    if (!Array.isArray(value)) throw refuse(where, 'must be a list');
    return value;
  }

  function text(value: unknown, where: string): string {
    if (typeof value !== 'string') throw refuse(where, 'must be a text');
    return value;
  }

  return {
    document(source, kind, apiVersion) {
      const document = object(parsed(source), 'the file');
      if (document['kind'] !== kind || document['apiVersion'] !== apiVersion) throw refuse('kind', `must be ${kind} of ${apiVersion}`);
      return document;
    },
    object, list, text,
    texts: (value, where) => list(value, where).map((each, i) => text(each, `${where}[${i}]`)),
    refuse,
  };
}
