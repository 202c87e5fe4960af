import { PersistentVolume, Pod } from '../../machinery/kinds/core.ts';
import { VolumeAttachment } from '../../machinery/kinds/storage.ts';
import { parseFieldSelector } from '../../machinery/selectors.ts';
import type { RequestInfo, User } from '../request.ts';
import type { Caches, Entry } from '../store/cache.ts';
import type { Decision } from './access.ts';
import { follow } from './follow.ts';
import { ruleAllows } from './rules.ts';
import { nodeRules } from './node-rules.ts';
import { configMapsOf, resourceClaimsOf, secretsOf, volumeClaimsOf } from './pod-references.ts';

/**
 * What a node may do: its own Node and Lease, the pods bound to it, and what those pods refer to. A node that is broken
 * into gives away no more than it runs. Source: "Using Node Authorization".
 */

const userPrefix = 'system:node:';
const nodesGroup = 'system:nodes';
const readVerbs = new Set(['get', 'list', 'watch']);

/** The node that a user is, when it is one. */
export function nodeNameOf(user: User): string | undefined {
  return user.name.startsWith(userPrefix) && user.name.length > userPrefix.length && user.groups.includes(nodesGroup)
    ? user.name.slice(userPrefix.length)
    : undefined;
}

export interface NodeAuthorizer {
  authorize(nodeName: string, info: RequestInfo): Decision;
  close(): void;
}

const allowed: Decision = { allowed: true, reason: '' };
const refused = (reason: string): Decision => ({ allowed: false, reason });

/** Follows which pods are bound to which node; `close()` ends it. */
export function createNodeAuthorizer(caches: Caches): NodeAuthorizer {
  const { podsOf, close } = followBindings(caches);
  const refers = (nodeName: string, namespace: string, test: (pod: Pod) => boolean): boolean =>
    [...podsOf(nodeName)].some((pod) => pod.namespace === namespace && test(pod.object));
  const special = (nodeName: string, info: RequestInfo): Decision | undefined => {
    switch (`${info.group}/${info.resource}`) {
      case '/secrets':
        return byReference(info, () => refers(nodeName, info.namespace, (pod) => secretsOf(pod).has(info.name)));
      case '/configmaps':
        return byReference(info, () => refers(nodeName, info.namespace, (pod) => configMapsOf(pod).has(info.name)));
      case '/serviceaccounts':
        if (info.subresource === 'token' && info.verb === 'create') return accountOf(info, refers(nodeName, info.namespace, ({ spec }) => spec?.serviceAccountName === info.name));
        return byReference(info, () => refers(nodeName, info.namespace, ({ spec }) => spec?.serviceAccountName === info.name));
      case '/persistentvolumeclaims':
        return onClaims(info, () => refers(nodeName, info.namespace, (pod) => volumeClaimsOf(pod).has(info.name)));
      case '/persistentvolumes':
        return getByReference(info, () => {
          const claim = caches.of(PersistentVolume).get(undefined, info.name)?.object.spec?.claimRef;
          return claim?.name !== undefined && refers(nodeName, claim.namespace ?? '', (pod) => volumeClaimsOf(pod).has(claim.name ?? ''));
        });
      case 'resource.k8s.io/resourceclaims':
        return getByReference(info, () => refers(nodeName, info.namespace, (pod) => resourceClaimsOf(pod).has(info.name)));
      case 'storage.k8s.io/volumeattachments':
        return getByReference(info, () => caches.of(VolumeAttachment).get(undefined, info.name)?.object.spec?.nodeName === nodeName);
      case '/pods':
        return onPods(nodeName, info, caches);
      case '/nodes':
        return onNodes(nodeName, info);
      case 'coordination.k8s.io/leases':
        return onLeases(nodeName, info);
      case 'storage.k8s.io/csinodes':
        return onCsiNodes(nodeName, info);
      default:
        return undefined;
    }
  };
  return {
    authorize(nodeName, info) {
      const decision = info.isResource ? special(nodeName, info) : undefined;
      if (decision !== undefined) return decision;
      return nodeRules.some((rule) => ruleAllows(rule, info)) ? allowed : refused('');
    },
    close,
  };
}

/** The pods bound to each node, by key. */
function followBindings(caches: Caches): { podsOf(nodeName: string): Iterable<Entry<Pod>>; close(): void } {
  const nodeOf = new Map<string, string>();
  const pods = new Map<string, Map<string, Entry<Pod>>>();
  const forget = (entry: Entry<Pod>): void => {
    const node = nodeOf.get(entry.key);
    if (node === undefined) return;
    nodeOf.delete(entry.key);
    const bound = pods.get(node);
    bound?.delete(entry.key);
    if (bound?.size === 0) pods.delete(node);
  };
  const { close } = follow(caches, Pod, {
    reset() {
      nodeOf.clear();
      pods.clear();
    },
    set(entry) {
      forget(entry);
      const node = entry.field('spec.nodeName') ?? '';
      if (node === '') return;
      nodeOf.set(entry.key, node);
      const bound = pods.get(node) ?? new Map<string, Entry<Pod>>();
      pods.set(node, bound.set(entry.key, entry));
    },
    remove: forget,
  });
  return { podsOf: (nodeName) => pods.get(nodeName)?.values() ?? [], close };
}

function byReference(info: RequestInfo, referred: () => boolean): Decision {
  if (!readVerbs.has(info.verb) || info.subresource !== '') return refused('can only read resources of this type');
  if (info.name === '') return refused('No Object name found');
  return referred() ? allowed : refused(`no relationship found between node and this object`);
}

/** As `byReference`, for kinds of which nothing but a get is let through. */
function getByReference(info: RequestInfo, referred: () => boolean): Decision {
  return info.verb === 'get' ? byReference(info, referred) : refused('can only get individual resources of this type');
}

/** A node also tells what it found out of a volume. */
function onClaims(info: RequestInfo, referred: () => boolean): Decision {
  const isStatus = info.subresource === 'status' && ['get', 'update', 'patch'].includes(info.verb);
  if (!isStatus) return getByReference(info, referred);
  return info.name !== '' && referred() ? allowed : refused('no relationship found between node and this object');
}

function accountOf(info: RequestInfo, referred: boolean): Decision {
  return referred && info.name !== '' ? allowed : refused('no relationship found between node and this object');
}

function onPods(nodeName: string, info: RequestInfo, caches: Caches): Decision | undefined {
  if (info.verb === 'list' || info.verb === 'watch') {
    const requirements = info.fieldSelector === undefined ? [] : parseFieldSelector(info.fieldSelector);
    const own = requirements.some(({ field, operator, value }) => field === 'spec.nodeName' && operator === '=' && value === nodeName);
    return own ? allowed : refused('can only list/watch pods with spec.nodeName field selector');
  }
  if (info.verb === 'get' && info.subresource === '') {
    const pod = caches.of(Pod).get(info.namespace, info.name);
    return pod !== undefined && pod.field('spec.nodeName') === nodeName ? allowed : refused('no relationship found between node and this object');
  }
  return undefined;
}

/** Beyond its own Node, a node sees none; NodeRestriction judges what it writes. */
function onNodes(nodeName: string, info: RequestInfo): Decision {
  const own = info.name === nodeName;
  if (info.verb === 'create' && info.subresource === '' && (own || info.name === '')) return allowed;
  if (info.subresource !== '' && info.subresource !== 'status') return refused('');
  if (own && ['get', 'list', 'watch', 'update', 'patch'].includes(info.verb)) return allowed;
  return refused(`node ${JSON.stringify(nodeName)} cannot ${info.verb} ${info.name === '' ? 'all nodes' : `node ${JSON.stringify(info.name)}`}, only its own Node object`);
}

function onLeases(nodeName: string, info: RequestInfo): Decision {
  if (info.namespace !== 'kube-node-lease') return refused('can only access leases in the "kube-node-lease" system namespace');
  if (!['get', 'create', 'update', 'patch', 'delete'].includes(info.verb)) return refused('can only get, create, update, patch, or delete a node lease');
  if (info.verb === 'create' && info.name === '') return allowed;
  return info.name === nodeName ? allowed : refused('can only access node lease with the same name as the requesting node');
}

function onCsiNodes(nodeName: string, info: RequestInfo): Decision {
  if (info.subresource !== '') return refused('cannot authorize CSINode subresources');
  if (!['get', 'create', 'update', 'patch', 'delete'].includes(info.verb)) return refused('can only get, create, update, patch, or delete a CSINode');
  // What is created has a name in its body only: NodeRestriction looks there.
  return info.verb === 'create' || info.name === nodeName ? allowed : refused('can only access CSINode with the same name as the requesting node');
}
