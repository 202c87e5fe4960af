import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { parse, stringify } from 'yaml';
import { fieldOf } from '../machinery/patch/json-value.ts';
import type { Credentials } from './connection.ts';
import { messageOf } from '../machinery/thrown.ts';

/** Reads and writes kubeconfig files. Source: "Organizing Cluster Access Using kubeconfig Files"; kubeconfig v1 reference. */

export interface Access extends Credentials {
  /** The context's namespace; `default` when it names none. */
  readonly namespace: string;
  readonly user: string;
}

export interface NewKubeconfig {
  /** Names the cluster, the context and (with the user) the entry for the credentials. */
  readonly cluster: string;
  readonly user: string;
  readonly credentials: Credentials;
  readonly namespace?: string;
}

/** A kubeconfig with one context, everything inline. Its text holds a private key: write it 0600. */
export function writeKubeconfig({ cluster, user, credentials, namespace }: NewKubeconfig): string {
  const { server, ca, cert, key, token, serverName } = credentials;
  const context = user === cluster ? cluster : `${user}@${cluster}`;
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: cluster, cluster: { server, ...given('certificate-authority-data', base64(ca)), ...given('tls-server-name', serverName) } }],
    users: [{ name: user, user: { ...given('client-certificate-data', base64(cert)), ...given('client-key-data', base64(key)), ...given('token', token) } }],
    contexts: [{ name: context, context: { cluster, user, ...given('namespace', namespace) } }],
    'current-context': context,
  }, { lineWidth: 0 });
}

/** Loads what a context (the current one when not named) needs to reach its cluster. Throws an `Error` that says what is wrong with which file. */
export async function readKubeconfig(path: string, context?: string): Promise<Access> {
  const content = await readFile(path, 'utf8');
  const readBeside = (file: string): Promise<string> => readFile(resolve(dirname(path), file), 'utf8');
  try {
    return await accessOf(parse(content), context, readBeside);
  } catch (error) {
    throw new Error(`${path}: ${messageOf(error)}`, { cause: error });
  }
}

/** The same from a parsed document; files that it names are read by `readBeside`. */
export async function accessOf(document: unknown, contextName: string | undefined, readBeside: (file: string) => Promise<string>): Promise<Access> {
  const wanted = contextName ?? text(document, 'current-context');
  if (wanted === undefined || wanted === '') throw new Error('no current-context is set and none was named');
  const context = entry(document, 'contexts', wanted, 'context');
  const clusterName = text(context, 'cluster') ?? '';
  const userName = text(context, 'user') ?? '';
  const cluster = entry(document, 'clusters', clusterName, 'cluster');
  const user = userName === '' ? {} : entry(document, 'users', userName, 'user');
  const server = text(cluster, 'server');
  if (server === undefined) throw new Error(`cluster ${JSON.stringify(clusterName)} names no server`);
  const inline = async (part: unknown, name: string): Promise<string | undefined> => {
    const data = text(part, `${name}-data`);
    if (data !== undefined && data !== '') return Buffer.from(data, 'base64').toString('utf8');
    const file = text(part, name);
    return file === undefined || file === '' ? undefined : readBeside(file);
  };
  const tokenFile = text(user, 'tokenFile');
  const token = text(user, 'token') ?? (tokenFile === undefined ? undefined : (await readBeside(tokenFile)).trim());
  const optional = { ca: await inline(cluster, 'certificate-authority'), cert: await inline(user, 'client-certificate'), key: await inline(user, 'client-key'), token, serverName: text(cluster, 'tls-server-name') };
  return { server, namespace: text(context, 'namespace') ?? 'default', user: userName, ...present(optional) };
}

function given(name: string, value: string | undefined): Record<string, string> {
  return value === undefined ? {} : { [name]: value };
}

type Present<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

function present<T extends Record<string, string | undefined>>(fields: T): Present<T> {
  // Without the undefined ones, by construction.
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Present<T>;
}

function base64(value: string | undefined): string | undefined {
  return value === undefined ? undefined : Buffer.from(value, 'utf8').toString('base64');
}

function text(value: unknown, name: string): string | undefined {
  const found = fieldOf(value, name);
  if (found === undefined || found === null) return undefined;
  if (typeof found !== 'string') throw new Error(`${name} must be text`);
  return found;
}

function entry(document: unknown, list: string, name: string, part: string): unknown {
  const entries = fieldOf(document, list);
  const found: unknown = Array.isArray(entries) ? entries.find((candidate: unknown) => fieldOf(candidate, 'name') === name) : undefined;
  if (found === undefined) throw new Error(`${list} has no entry named ${JSON.stringify(name)}`);
  return fieldOf(found, part);
}
