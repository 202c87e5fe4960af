import type { CustomResourceDefinition } from '../../machinery/kinds/apiextensions.ts';
import { ImagePolicy } from '../../machinery/kinds/image-policy.ts';

const { group, kind, plural, scope, version } = ImagePolicy;
const pattern = '^[a-z0-9A-Z._:/*-]+$';
/** A slip here would leave open what it was to close. */
const matchable = [
  { rule: "self.matches('^(localhost/|[^/]*[.:*][^/]*/|[^/]*[*][*])')", message: 'no image matches it: repositories begin with their registry, as in docker.io/library/nginx or **/nginx' },
  { rule: "!self.matches('/[^/]*:[^/]*$')", message: 'no image matches it: repositories are matched, which have no tag' },
];

/** The file beside it, cosign.key, has nothing to look for in a cluster. */
const publicKey = { rule: "self.matches('^\\\\s*-----BEGIN ([A-Z]+ )?PUBLIC KEY-----')", message: 'a key begins with -----BEGIN PUBLIC KEY-----, as in the cosign.pub of cosign generate-key-pair' };

const rule = {
  type: 'object', required: ['image'], description: 'What is demanded of images whose repository matches. The first rule of a policy that matches decides.',
  'x-kubernetes-validations': [
    { rule: 'has(self.publicKeys) != has(self.allow)', message: 'a rule has either publicKeys or allow' }, { rule: '!has(self.signedAs) || has(self.publicKeys)', message: 'signedAs is for rules with publicKeys' },
  ],
  properties: {
    image: { type: 'string', pattern, maxLength: 255, 'x-kubernetes-validations': matchable, description: "Repository of the image in full, without tag: docker.io/library/*, registry.example/team/**. * stands for anything but a slash, ** for anything." },
    publicKeys: { type: 'array', minItems: 1, maxItems: 16, items: { type: 'string', maxLength: 8192, 'x-kubernetes-validations': [publicKey] }, description: 'PEM: ECDSA P-256, RSA of 2048 bits or more, or Ed25519. A cosign signature by one of them is demanded.' },
    allow: { type: 'string', enum: ['unsigned'], description: 'unsigned: these images need no signature.' },
    signedAs: { type: 'string', pattern, maxLength: 255, 'x-kubernetes-validations': matchable, description: 'For copies: the repository that the image was signed for, as a pattern. Without it that is the one that the image is run from; bundles, which name none, are taken then.' },
  },
};

/** Every cluster has it, so that nodes can rely on the kind; a policy itself is for users to make. */
export const imagePolicyDefinition: CustomResourceDefinition = {
  apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: `${plural}.${group}` },
  spec: {
    group, scope, names: { plural, singular: 'imagepolicy', kind, listKind: `${kind}List`, shortNames: ['imgpol'] },
    versions: [{
      name: version, served: true, storage: true,
      additionalPrinterColumns: [{ name: 'Images', type: 'string', jsonPath: '.spec.rules[*].image' }, { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' }],
      schema: { openAPIV3Schema: {
        type: 'object', required: ['spec'], description: 'Which images may run on the nodes of the cluster, by whose keys they are signed. All policies must agree; what no rule matches may run.',
        properties: { spec: { type: 'object', required: ['rules'], properties: { rules: { type: 'array', minItems: 1, maxItems: 256, items: rule } } } },
      } },
    }],
  },
};
