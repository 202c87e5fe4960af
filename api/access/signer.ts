import { CertificateSigningRequest } from '../../machinery/kinds/cluster.ts';
import { Node } from '../../machinery/kinds/core.ts';
import type { Draft } from '../../machinery/kinds/wire.ts';
import { isReason } from '../../machinery/status.ts';
import { trackUpdate, writeAs } from '../field-management/track.ts';
import { changeObject, type Outcome, type Writer } from '../handlers/writer.ts';
import type { RequestInfo } from '../request.ts';
import { certificateSigningRequest } from '../resources/certificates/certificate-signing-request.ts';
import type { Authorizer } from './access.ts';
import { automaticApproval, objection, ourSigners } from './certificate-rules.ts';
import type { RequestedCertificate } from './certificates.ts';
import { follow } from './follow.ts';
import type { Pki } from './pki.ts';
import { messageOf } from '../../machinery/thrown.ts';
import { timestamp } from '../../machinery/conditions.ts';

/** Approves what needs no person and signs what is approved, as soon as a request appears or changes. */

export interface SignerDependencies {
  readonly writer: Writer;
  readonly pki: Pick<Pki, 'certify' | 'isServerName'>;
  readonly authorizer: Authorizer;
  /** What could not be done, and for which request: the log's. */
  readonly report: (error: unknown, name: string) => void;
}

/** Also what is given when nothing is asked for. Source: kube-controller-manager, --cluster-signing-duration. */
const longestLifetimeSeconds = 365 * 86_400;

/** Starts; `close()` ends it and resolves when the request at hand is done. */
export function runSigner(deps: SignerDependencies): { close(): Promise<void> } {
  const waiting = new Set<string>();
  let working: Promise<void> = Promise.resolve();
  let busy = false;
  const drain = async (): Promise<void> => {
    for (const name of waiting) {
      waiting.delete(name);
      try {
        await attend(deps, name);
      } catch (error) {
        if (!isReason(error, 'NotFound')) deps.report(error, name);
      }
    }
    busy = false;
  };
  const following = follow(deps.writer.caches, CertificateSigningRequest, {
    reset: () => waiting.clear(),
    set(entry) {
      if (!needsAttention(entry.object)) return;
      waiting.add(entry.name);
      if (busy) return;
      busy = true;
      working = drain();
    },
    remove: (entry) => void waiting.delete(entry.name),
  });
  return {
    async close() {
      following.close();
      waiting.clear();
      await working;
    },
  };
}

function has({ status }: CertificateSigningRequest, type: string): boolean {
  return (status?.conditions ?? []).some((condition) => condition.type === type);
}

function needsAttention(request: CertificateSigningRequest): boolean {
  return ourSigners.has(request.spec.signerName) && (request.status?.certificate ?? '') === '' && !has(request, 'Denied') && !has(request, 'Failed');
}

/** One step for one request: approve, or sign, or say why not. Each write brings the request back. */
async function attend(deps: SignerDependencies, name: string): Promise<void> {
  const request = deps.writer.caches.of(CertificateSigningRequest).get(undefined, name)?.object;
  if (request === undefined || !needsAttention(request)) return;
  const { readRequest } = await import('./certificates.ts');
  let asked: RequestedCertificate;
  try {
    asked = await readRequest(Buffer.from(request.spec.request ?? '', 'base64').toString('utf8'));
  } catch (error) {
    return setCondition(deps, name, 'Failed', 'SignerValidationFailure', `unable to parse csr ${JSON.stringify(name)}: ${messageOf(error)}`);
  }
  if (!has(request, 'Approved')) {
    const message = approvalOf(deps, request, asked);
    return message === undefined ? undefined : setCondition(deps, name, 'Approved', 'AutoApproved', message);
  }
  const why = objection(request.spec, asked);
  if (why !== undefined) return setCondition(deps, name, 'Failed', 'SignerValidationFailure', why);
  const certificate = await deps.pki.certify(asked.publicKey, {
    commonName: asked.commonName, organizations: asked.organizations, names: [...asked.dnsNames, ...asked.ipAddresses],
    usages: (request.spec.usages ?? []).flatMap((usage) => (usage === 'client auth' ? ['client' as const] : usage === 'server auth' ? ['server' as const] : [])),
  }, Math.min(request.spec.expirationSeconds ?? longestLifetimeSeconds, longestLifetimeSeconds) * 1000);
  await changeStatus(deps, name, (draft) => {
    draft.status = { ...draft.status, certificate: Buffer.from(certificate).toString('base64') };
  });
}

/** The reason to approve; undefined: there is none. */
function approvalOf(deps: SignerDependencies, { spec }: CertificateSigningRequest, asked: RequestedCertificate): string | undefined {
  const approval = automaticApproval(spec, asked);
  if (approval === undefined) return undefined;
  if (approval.permission === undefined) {
    const nodeName = asked.commonName.slice(asked.commonName.lastIndexOf(':') + 1);
    return approval.names.every((name) => isFree(deps, nodeName, name)) ? approval.message : undefined;
  }
  const info: RequestInfo = {
    path: '', isResource: true, verb: 'create', group: 'certificates.k8s.io', version: 'v1', resource: 'certificatesigningrequests', subresource: approval.permission, namespace: '', name: '',
  };
  return deps.authorizer.authorize({ name: spec.username ?? '', groups: spec.groups ?? [] }, info).allowed ? approval.message : undefined;
}

/** Is a name or address neither the API server's nor another node's? */
function isFree({ pki, writer }: SignerDependencies, nodeName: string, name: string): boolean {
  if (pki.isServerName(name)) return false;
  for (const { name: other, object } of writer.caches.of(Node).list()) {
    if (other !== nodeName && (other === name || (object.status?.addresses ?? []).some(({ address }) => address === name))) return false;
  }
  return true;
}

function setCondition(deps: SignerDependencies, name: string, type: 'Approved' | 'Failed', reason: string, message: string): Promise<void> {
  const at = timestamp(deps.writer.now());
  return changeStatus(deps, name, (draft) => {
    const conditions = draft.status?.conditions ?? [];
    draft.status = { ...draft.status, conditions: [...conditions, { type, status: 'True', reason, message, lastUpdateTime: at, lastTransitionTime: at }] };
  });
}

/** Writes the status unless somebody decided otherwise meanwhile. */
async function changeStatus({ writer }: SignerDependencies, name: string, change: (draft: Draft<CertificateSigningRequest>) => void): Promise<void> {
  await changeObject(writer, certificateSigningRequest, '', name, false, (current): Outcome => {
    const object = current.object as CertificateSigningRequest;
    if (!needsAttention(object)) return { type: 'keep' };
    const draft = structuredClone(object) as Draft<CertificateSigningRequest>;
    change(draft);
    trackUpdate(writeAs('kube-controller-manager', writer, certificateSigningRequest, 'status'), draft, object);
    return { type: 'put', object: draft };
  });
}
