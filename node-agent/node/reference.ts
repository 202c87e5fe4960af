import type { Regarding } from '../../client/events.ts';

/** The node as its events are about it: the kubelet's bear the node's name for its uid, and kubectl looks for them by it. */
export function nodeReference(name: string): Regarding {
  return { kind: 'Node', apiVersion: 'v1', name, uid: name };
}
