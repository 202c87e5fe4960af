import { randomInt } from 'node:crypto';
import { formatJoinToken } from '../../machinery/join-token.ts';
import { Secret } from '../../machinery/kinds/core.ts';
import type { Draft } from '../../machinery/kinds/wire.ts';
import { trackCreate, writeAs } from '../field-management/track.ts';
import { stampNew } from '../handlers/metadata.ts';
import type { Writer } from '../handlers/writer.ts';
import { secret } from '../resources/core/secret.ts';
import { bootstrapTokenType } from './bootstrap-tokens.ts';
import type { Pki } from './pki.ts';

/** The token by which machines join: one per cluster, made at the first start, a Secret like any bootstrap token. */

const home = 'kube-system';
/** Marks the token that the server made itself. */
const label = 'coracle.internal/join-token';
const alphabet = 'abcdefghijklmnopqrstuvwxyz0123456789';

/** The text of the cluster's join token; deleting its Secret and starting again draws a new one. */
export async function ensureJoinToken(writer: Writer, pki: Pick<Pki, 'caHash'>): Promise<string> {
  const cache = writer.caches.of(Secret);
  for (const { object, labels } of cache.list(home)) {
    if (labels[label] !== 'default' || object.metadata?.deletionTimestamp !== undefined) continue;
    const data = (name: string): string => Buffer.from(object.data?.[name] ?? '', 'base64').toString('utf8');
    return formatJoinToken({ caHash: pki.caHash, id: data('token-id'), secret: data('token-secret') });
  }
  const token = { caHash: pki.caHash, id: drawn(6), secret: drawn(16) };
  const draft = tokenSecret(token.id, token.secret);
  stampNew(writer, secret, draft);
  trackCreate(writeAs('kube-apiserver', writer, secret), draft);
  const key = cache.keyOf(home, draft.metadata?.name ?? '');
  const { committed } = await writer.store.commit({ compares: [{ key, revision: 0 }], writes: [{ type: 'put', key, value: writer.codec.encode(secret, draft) }] });
  if (!committed) throw new Error(`the join token could not be stored: ${key} appeared meanwhile; start again`);
  return formatJoinToken(token);
}

function tokenSecret(id: string, secretText: string): Draft<Secret> {
  return {
    apiVersion: 'v1', kind: 'Secret', type: bootstrapTokenType,
    metadata: { namespace: home, name: `bootstrap-token-${id}`, labels: { [label]: 'default' } },
    data: {
      'token-id': base64(id), 'token-secret': base64(secretText), description: base64('Made at the first start; machines join with it.'),
      'usage-bootstrap-authentication': base64('true'), 'usage-bootstrap-signing': base64('true'),
    },
  };
}

function drawn(length: number): string {
  return Array.from({ length }, () => alphabet[randomInt(alphabet.length)] ?? 'a').join('');
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
