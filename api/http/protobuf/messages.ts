import { accessFields } from './fields/access.ts';
import { coreFields } from './fields/core.ts';
import { devicesFields } from './fields/devices.ts';
import { extensionsFields } from './fields/extensions.ts';
import { metaFields } from './fields/meta.ts';
import { networkFields } from './fields/network.ts';
import { workloadsFields } from './fields/workloads.ts';

/** The tables of field numbers as values: what decoder and encoder walk. */

export interface FieldRule {
  readonly number: number;
  /** In JSON. */
  readonly name: string;
  /** Without brackets: a scalar, `package.Message`, or `[string]`, a list that stands in a message of its own. */
  readonly type: string;
  readonly shape: 'one' | 'list' | 'map' | 'inline';
  /** Of scalars: zero is a value of its own. */
  readonly isOptional: boolean;
  /** Of messages: it stands there even when it is empty. */
  readonly isAlways: boolean;
}

/** By ascending number. */
export type Message = readonly FieldRule[];

export type Messages = (name: string) => Message | undefined;

export const scalars: ReadonlySet<string> = new Set(['string', 'int32', 'int64', 'bool', 'bytes', 'double']);

const tables = [coreFields, metaFields, workloadsFields, accessFields, networkFields, extensionsFields, devicesFields];

/** Each message is read from its table when it is first met. */
export function createMessages(): Messages {
  const known = new Map<string, Message>();
  return (name) => {
    const found = known.get(name);
    if (found !== undefined) return found;
    const text = textOf(name);
    if (text === undefined) return undefined;
    const message = parseMessage(name, text);
    known.set(name, message);
    return message;
  };
}

function textOf(name: string): string | undefined {
  const table = tables.find((one) => Object.hasOwn(one, name));
  if (table !== undefined) return table[name];
  // Lists are all alike.
  const item = name.endsWith('List') ? name.slice(0, -'List'.length) : '';
  return tables.some((one) => Object.hasOwn(one, item)) ? `metadata=1:meta.ListMeta! items=2:[${item}]` : undefined;
}

/**
 * `rbac.authorization.k8s.io/v1`, `Role` → `rbac.Role`. What is of no group (`Status`, `DeleteOptions`, which is the same in
 * every group) is in `meta`. Undefined: it has no protobuf form.
 */
export function messageName(messages: Messages, apiVersion: string, kind: string): string | undefined {
  const [group = '', version = ''] = apiVersion.includes('/') ? apiVersion.split('/', 2) : ['', apiVersion];
  if (version !== 'v1' && version !== 'v2') return undefined;
  const home = group === '' ? 'core' : (group.split('.', 1)[0] ?? group);
  const versioned = home === 'autoscaling' && version === 'v2' ? 'autoscalingv2' : home;
  if (!isKubernetes(group) || (version === 'v2' && versioned === home && home !== 'apidiscovery')) return undefined;
  return [`${versioned}.${kind}`, ...(group === '' || kind === 'DeleteOptions' ? [`meta.${kind}`] : [])].find((name) => messages(name) !== undefined);
}

/** Groups of others may have kinds of the same names. */
function isKubernetes(group: string): boolean {
  return !group.includes('.') || group.endsWith('.k8s.io');
}

function parseMessage(name: string, text: string): Message {
  const home = name.slice(0, name.indexOf('.'));
  const rules = text.split(' ').filter((part) => part !== '').map((part): FieldRule => {
    const [, field = '', number = '', written = ''] = /^([^=]+)=(\d+):(.+)$/.exec(part) ?? [];
    const isOptional = written.endsWith('?');
    const isAlways = written.endsWith('!');
    const bare = isOptional || isAlways ? written.slice(0, -1) : written;
    const shape = bare.startsWith('{') ? 'map' : bare.startsWith('^') ? 'inline' : bare.startsWith('[') && bare !== '[[string]]' ? 'list' : 'one';
    const inner = shape === 'map' || shape === 'list' || bare === '[[string]]' ? bare.slice(1, -1) : shape === 'inline' ? bare.slice(1) : bare;
    const type = scalars.has(inner) || inner.includes('.') || inner.startsWith('[') ? inner : `${home}.${inner}`;
    return { number: Number(number), name: field, type, shape, isOptional, isAlways };
  });
  return rules.toSorted((a, b) => a.number - b.number);
}
