import { Path, duplicate, forbidden, invalid, notSupported, required, type FieldError } from '../../../machinery/field-path.ts';
import { CertificateSigningRequest } from '../../../machinery/kinds/cluster.ts';
import { isCertificate } from '../../webhooks/ca-bundle.ts';
import { text, timed } from '../columns.ts';
import { defineResource, humanDuration, name, since } from '../define.ts';
import { immutable } from '../immutable.ts';

const usages = [
  'signing', 'digital signature', 'content commitment', 'key encipherment', 'key agreement', 'data encipherment', 'cert sign', 'crl sign',
  'encipher only', 'decipher only', 'any', 'server auth', 'client auth', 'code signing', 'email protection', 's/mime', 'ipsec end system',
  'ipsec tunnel', 'ipsec user', 'timestamping', 'ocsp signing', 'microsoft sgc', 'netscape sgc',
];
const shortestSeconds = 600;
const finalTypes: readonly string[] = ['Approved', 'Denied', 'Failed'];

function condition({ status }: CertificateSigningRequest): string {
  const has = (type: string): boolean => (status?.conditions ?? []).some((one) => one.type === type);
  const verdict = has('Denied') ? 'Denied' : has('Approved') ? 'Approved' : 'Pending';
  return `${verdict}${has('Failed') ? ',Failed' : ''}${(status?.certificate ?? '') === '' ? '' : ',Issued'}`;
}

/** Source: "Certificates and certificate signing requests". Who asks (`spec.username`, groups) is set by admission. */
export const certificateSigningRequest = defineResource(CertificateSigningRequest, {
  shortNames: ['csr'],
  status: true,
  subresources: [{ name: 'approval', kind: CertificateSigningRequest, verbs: ['get', 'patch', 'update'] }],
  fields: { 'spec.signerName': (object) => object.spec?.signerName ?? '' },
  columns: [
    name(),
    timed('Age', 'Time since the object was created.', (object, now) => since(object.metadata?.creationTimestamp, now)),
    text('SignerName', 'Who is to sign.', (object) => object.spec.signerName ?? ''),
    text('Requestor', 'Who asked.', (object) => object.spec.username ?? ''),
    text('RequestedDuration', 'How long the certificate is to be valid.', ({ spec }) => (spec.expirationSeconds === undefined ? '<none>' : humanDuration(spec.expirationSeconds * 1000))),
    text('Condition', 'Is it approved, denied, issued?', condition),
  ],
  defaults(draft) {
    draft.spec ??= { request: '', signerName: '' };
    draft.spec.usages ??= ['digital signature', 'key encipherment'];
  },
  prepareForCreate(draft) {
    draft.status = {};
  },
  prepareForUpdate(draft, old) {
    draft.spec = structuredClone(old.spec) as typeof draft.spec;
  },
  validate,
  validateUpdate: (object, old) => immutable(object.spec, old.spec, new Path('spec')),
  validateStatusUpdate,
});

function validate(object: CertificateSigningRequest): FieldError[] {
  const path = new Path('spec');
  const { request, signerName, usages: asked = [], expirationSeconds } = object.spec;
  const errors: FieldError[] = [];
  if (!isRequest(request)) errors.push(invalid(path.child('request'), request, 'PEM block type must be CERTIFICATE REQUEST'));
  if (asked.length === 0) errors.push(required(path.child('usages'), 'usages must be specified'));
  for (const [index, usage] of asked.entries()) {
    if (!usages.includes(usage)) errors.push(notSupported(path.child('usages').index(index), usage, usages.toSorted()));
    else if (asked.indexOf(usage) < index) errors.push(duplicate(path.child('usages').index(index), usage));
  }
  errors.push(...validateSigner(signerName, path.child('signerName')));
  if (expirationSeconds !== undefined && expirationSeconds < shortestSeconds) {
    errors.push(invalid(path.child('expirationSeconds'), expirationSeconds, `may not specify a duration less than ${shortestSeconds} seconds (10 minutes)`));
  }
  return errors;
}

/** A verdict is final and is one; a certificate, once issued, stays. */
function validateStatusUpdate({ status }: CertificateSigningRequest, old: CertificateSigningRequest, subresource = 'status'): FieldError[] {
  const path = new Path('status.conditions');
  const conditions = status?.conditions ?? [];
  const has = (type: string): boolean => conditions.some((one) => one.type === type);
  const errors: FieldError[] = conditions.flatMap((one, index) => [
    ...(one.type === '' ? [required(path.index(index).child('type'))] : []),
    ...(finalTypes.includes(one.type) && one.status !== 'True' ? [notSupported(path.index(index).child('status'), one.status, ['True'])] : []),
    ...(conditions.findIndex((other) => other.type === one.type) < index ? [duplicate(path.index(index).child('type'), one.type)] : []),
  ]);
  if (has('Approved') && has('Denied')) errors.push(invalid(path, 'Denied', 'Approved and Denied conditions are mutually exclusive'));
  for (const { type } of old.status?.conditions ?? []) {
    if (finalTypes.includes(type) && !has(type)) errors.push(forbidden(path, `updates may not remove a condition of type ${JSON.stringify(type)}`));
  }
  // Who signs does not approve: that is another permission.
  for (const type of subresource === 'approval' ? [] : ['Approved', 'Denied']) {
    const before = (old.status?.conditions ?? []).some((one) => one.type === type);
    if (!before && has(type)) errors.push(forbidden(path, `updates may not add a condition of type ${JSON.stringify(type)}`));
  }
  const [before, after] = [old.status?.certificate ?? '', status?.certificate ?? ''];
  if (before !== '' && before !== after) errors.push(forbidden(new Path('status.certificate'), 'updates may not modify existing certificate content'));
  const wrong = after === before || after === '' ? undefined : certificateProblem(after);
  if (wrong !== undefined) errors.push(invalid(new Path('status.certificate'), '<certificate data>', wrong));
  return errors;
}

/** What is wrong with base64 of PEM that is to be a chain of certificates. */
function certificateProblem(certificate: string): string | undefined {
  const pem = Buffer.from(certificate, 'base64').toString('latin1');
  const blocks = [...pem.matchAll(/-----BEGIN ([^-\n]*)-----[^-]*-----END \1-----/g)];
  if (blocks.length === 0) return 'must contain at least one CERTIFICATE PEM block';
  for (const [block, type = ''] of blocks) {
    if (type !== 'CERTIFICATE') return `only CERTIFICATE PEM blocks are allowed, found ${JSON.stringify(type)}`;
    if (!isCertificate(block)) return 'found CERTIFICATE PEM block that is not a certificate';
  }
  return undefined;
}

/** `request` is base64 of one PEM block. */
function isRequest(request: string | undefined): boolean {
  const pem = Buffer.from(request ?? '', 'base64').toString('latin1').trim();
  return /^-----BEGIN (NEW )?CERTIFICATE REQUEST-----[\s\S]+-----END (NEW )?CERTIFICATE REQUEST-----$/.test(pem);
}

/** `domain.example/path`. */
function validateSigner(signerName: string | undefined, path: Path): FieldError[] {
  if (signerName === undefined || signerName === '') return [required(path)];
  const [domain = '', ...rest] = signerName.split('/');
  if (rest.length === 0 || rest.join('/') === '') return [invalid(path, signerName, 'must be a fully qualified domain and path of the form \'example.com/signer-name\'')];
  if (domain.split('.').length < 2) return [invalid(path, signerName, 'should be a domain with at least two segments separated by dots')];
  return [];
}
