import { isDeepStrictEqual } from 'node:util';
import { CertificateSigningRequest } from '../../machinery/kinds/cluster.ts';
import type { Draft } from '../../machinery/kinds/wire.ts';
import type { Authorizer } from '../access/access.ts';
import { refused } from '../access/refused.ts';
import type { User } from '../request.ts';
import { targetOf, type AdmissionPlugin, type Admitted } from './admission.ts';

/**
 * A certificate signing request says who made it, and only those whom the signer trusts approve or sign it. Source:
 * "Certificates and certificate signing requests", authorization; admission controllers CertificateApproval, CertificateSigning.
 */
export function certificateRequests(authorizer: Authorizer): AdmissionPlugin {
  return {
    name: 'CertificateRequests',
    handles: ({ operation, resource }) => operation !== 'DELETE' && resource.group === CertificateSigningRequest.group && resource.plural === CertificateSigningRequest.plural,
    mutate({ operation, user }, draft) {
      if (operation === 'CREATE') sign(draft as Draft<CertificateSigningRequest>, user);
    },
    validate(write, object) {
      if (write.operation === 'CREATE') return restrictSubject(write, object as CertificateSigningRequest);
      if (write.operation !== 'UPDATE' || write.subresource === '') return undefined;
      const [before, after] = [write.old as CertificateSigningRequest, object as CertificateSigningRequest];
      const signer = after.spec.signerName;
      if (!isDeepStrictEqual(verdict(before), verdict(after)) && !may(authorizer, write.user, 'approve', signer)) {
        throw refused(targetOf(write), `user not permitted to approve requests with signerName ${JSON.stringify(signer)}`);
      }
      if (before.status?.certificate !== after.status?.certificate && !may(authorizer, write.user, 'sign', signer)) {
        throw refused(targetOf(write), `user not permitted to sign requests with signerName ${JSON.stringify(signer)}`);
      }
      return undefined;
    },
  };
}

const clientSigner = 'kubernetes.io/kube-apiserver-client';

/** Nobody becomes an administrator whom no role can stop by asking for a certificate. Source: admission controllers, CertificateSubjectRestriction. */
async function restrictSubject(write: Admitted, { spec }: CertificateSigningRequest): Promise<void> {
  if (spec.signerName !== clientSigner) return;
  const { readRequest } = await import('../access/certificates.ts');
  // What can't be read is told by validation.
  const asked = await readRequest(Buffer.from(spec.request, 'base64').toString('utf8')).catch(() => undefined);
  if (asked?.organizations.includes('system:masters') !== true) return;
  throw refused(targetOf(write), `use of ${clientSigner} signer with system:masters group is not allowed`);
}

function sign({ spec }: Draft<CertificateSigningRequest>, { name, uid, groups, extra }: User): void {
  delete spec.uid;
  delete spec.extra;
  spec.username = name;
  spec.groups = [...groups];
  if (uid !== undefined) spec.uid = uid;
  if (extra !== undefined) spec.extra = Object.fromEntries(Object.entries(extra).map(([key, values]) => [key, [...values]]));
}

function verdict({ status }: CertificateSigningRequest): unknown {
  return (status?.conditions ?? []).filter(({ type }) => type === 'Approved' || type === 'Denied').map(({ type, status: holds }) => ({ type, holds }));
}

/** On this signer, or on every signer of its domain. */
function may(authorizer: Authorizer, user: User, verb: 'approve' | 'sign', signer: string): boolean {
  const domain = `${signer.slice(0, signer.indexOf('/'))}/*`;
  return [signer, domain].some((name) => authorizer.authorize(user, {
    path: '', isResource: true, verb, group: CertificateSigningRequest.group, version: '*', resource: 'signers', subresource: '', namespace: '', name,
  }).allowed);
}
