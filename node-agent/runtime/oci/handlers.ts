/**
 * Runtime handlers: containers of pods whose RuntimeClass names one are run by an OCI runtime that the machine has, instead of by
 * coracle-pod itself. This room makes what that runtime is given; `native/pod/runtime.c` runs it, inside the pod's supervisor.
 */
import { RuntimeError, type SandboxSpec } from '../runtime.ts';

/** Handlers by name: the path of each one's runtime. */
export type RuntimeHandlers = ReadonlyMap<string, string>;

/** A class can name our own runtime too. */
export const ownHandler = 'coracle';

/** The handler that a class's pods need; undefined: our own runtime. */
export const foreignHandler = (handler: string): string | undefined => (handler === '' || handler === ownHandler ? undefined : handler);

/** The runtime of a pod's handler. Throws where this node has none by that name. */
export function runtimeOf(handlers: RuntimeHandlers, handler: string): string {
  const path = handlers.get(handler);
  if (path !== undefined) return path;
  const known = [ownHandler, ...handlers.keys()].map((name) => JSON.stringify(name)).join(', ');
  throw new RuntimeError('Failed', `no runtime for ${JSON.stringify(handler)} is configured: this node has ${known}; start it with --runtime-handler ${handler}=/path/to/runtime`);
}

/** Throws with what keeps a pod from having its handler here. Kubernetes' words for users of a pod's own. */
export function checkHandler(handlers: RuntimeHandlers, { handler, hostUsers }: Pick<SandboxSpec, 'handler' | 'hostUsers'>): void {
  if (handler === undefined) return;
  runtimeOf(handlers, handler);
  if (!hostUsers) throw new RuntimeError('Failed', `RuntimeClass handler ${JSON.stringify(handler)} does not support user namespaces`);
}
