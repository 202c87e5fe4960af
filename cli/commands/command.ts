import { InvalidArgumentError, type Command } from 'commander';
import { dns1123Subdomain } from '../../machinery/names.ts';
import { messageOf } from '../../machinery/thrown.ts';
import type { Invocation } from '../terminal.ts';

/** One command of `coracle`: adds itself to the program. What it runs is imported when it runs, so that `--help` is quick. */
export type DefineCommand = (program: Command, invocation: Invocation) => void;

/*
 * Options as the user wrote them. Each returns what it stands for, and throws commander's error, which names the option.
 */

/** Says what an Error of `parse` says as commander does, which names the option. */
export function checked<T>(parse: (text: string) => T): (text: string) => T {
  return (text) => {
    try {
      return parse(text);
    } catch (error) {
      throw new InvalidArgumentError(`${messageOf(error)}.`);
    }
  };
}

/** The same for an option that may be given several times. */
export function collected<T>(parse: (text: string) => T): (text: string, before: readonly T[] | undefined) => readonly T[] {
  const one = checked(parse);
  return (text, before = []) => [...before, one(text)];
}

/** 0 asks for any free one. */
export function port(text: string): number {
  const number = Number(text);
  if (!/^\d+$/.test(text) || number > 65535) throw new InvalidArgumentError('A port is a whole number from 0 (any free one) to 65535.');
  return number;
}

/** Refuses what an empty shell variable leaves behind, which would be the working directory. */
export function dataDirectory(text: string): string {
  if (text === '') throw new InvalidArgumentError('It names no directory.');
  return text;
}

/** An address or a name of a machine, without scheme or port. */
export function host(text: string): string {
  if (!/^[A-Za-z0-9.:-]+$/.test(text)) throw new InvalidArgumentError('It is an address or a name of a machine.');
  return text;
}

/** Where an API server is reached. */
export function serverUrl(text: string): string {
  const url = URL.parse(text);
  if (url?.protocol !== 'https:' || url.pathname !== '/') throw new InvalidArgumentError('It looks like https://host:6443.');
  return text;
}

const logLevels: readonly string[] = ['debug', 'info', 'warn', 'error'];

export function logLevel(text: string): string {
  if (!logLevels.includes(text)) throw new InvalidArgumentError(`It is one of ${logLevels.join(', ')}.`);
  return text;
}

/** A name that a Node can have. */
export function nodeName(text: string): string {
  const [fault] = dns1123Subdomain(text);
  if (fault !== undefined) throw new InvalidArgumentError(`It names a Node: ${fault}.`);
  return text;
}

/** Addresses of all pods: every node takes a /24 of this /16. */
export function clusterCidr(text: string): string {
  const octets = /^(\d{1,3})\.(\d{1,3})\.0\.0\/16$/.exec(text)?.slice(1).map(Number);
  if (octets === undefined || octets.some((octet) => octet > 255)) throw new InvalidArgumentError('It is a /16, such as 10.42.0.0/16.');
  if (text === '10.43.0.0/16') throw new InvalidArgumentError('Services have their addresses there.');
  return text;
}
