import type { Subresource } from './define.ts';

/** The `proxy` subresource of what can be asked over HTTP: by any method. */
export function proxied(kind: string): Subresource {
  return { name: 'proxy', kind: { group: '', version: 'v1', kind }, verbs: ['create', 'delete', 'get', 'patch', 'update'] };
}
