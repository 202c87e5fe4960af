import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openPki } from '../../../api/access/pki.ts';
import { openEmbedded } from '../../../api/store/embedded.ts';
import { patching, startWebhookServer, type WebhookServer } from '../../webhook-server.ts';
import { eventually } from '../eventually.ts';
import { deployment, pod } from '../manifests.ts';
import { useNamespace } from '../namespace.ts';

const namespace = 'kubectl-admission';
const kubectl = useNamespace(namespace);
const here = { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } } };
const v1 = { apiVersion: 'admissionregistration.k8s.io/v1' };
const pods = { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] };

let hooks: WebhookServer;
let dataDir: string;

/** A webhook under an authority of its own: what the cluster trusts is in its configuration. */
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'coracle-webhook-'));
  const store = await openEmbedded({ path: join(dataDir, 'store') });
  hooks = await startWebhookServer(await openPki(store, { dataDir, token: 'webhook', now: Date.now }));
  await store.close();
});

afterAll(async () => {
  await kubectl`delete mutatingwebhookconfigurations,validatingwebhookconfigurations,mutatingadmissionpolicies,mutatingadmissionpolicybindings,validatingadmissionpolicies,validatingadmissionpolicybindings -l ${`owner=${namespace}`}`;
  await hooks.close();
  await rm(dataDir, { recursive: true, force: true });
});

const metadata = (name: string) => ({ name: `${namespace}-${name}`, labels: { owner: namespace } });

function configuration(kind: 'MutatingWebhookConfiguration' | 'ValidatingWebhookConfiguration', name: string) {
  return {
    ...v1, kind, metadata: metadata(name),
    webhooks: [{
      name: `${name}.admission.example`, rules: [pods], ...here, sideEffects: 'None', admissionReviewVersions: ['v1'],
      clientConfig: { url: `https://127.0.0.1:${hooks.port}/${name}`, caBundle: hooks.caBundle },
    }],
  };
}

function bound(kind: 'MutatingAdmissionPolicy' | 'ValidatingAdmissionPolicy', name: string, spec: object, binding: object = {}) {
  return [
    { ...v1, kind, metadata: metadata(name), spec: { matchConstraints: { resourceRules: [pods] }, ...spec } },
    { ...v1, kind: `${kind}Binding`, metadata: metadata(name), spec: { policyName: `${namespace}-${name}`, matchResources: here, ...binding } },
  ];
}

const refusal = (object: object) => kubectl.with({ input: JSON.stringify(object) }).refused`create -f -`;

describe('admission', () => {
  it('lets a policy deny a pod and warn about another', async () => {
    await kubectl.apply(
      ...bound('ValidatingAdmissionPolicy', 'no-debug', { validations: [{ expression: "!object.metadata.name.startsWith('debug')", message: 'no debugging here' }] }, { validationActions: ['Deny'] }),
      ...bound('ValidatingAdmissionPolicy', 'named', { validations: [{ expression: "object.metadata.name.startsWith('web') || object.metadata.name.startsWith('debug')", message: 'call it web' }] }, { validationActions: ['Warn'] }),
    );
    await eventually(async () => {
      expect(await refusal(pod('debug'))).toContain(`ValidatingAdmissionPolicy '${namespace}-no-debug' with binding '${namespace}-no-debug' denied request: no debugging here`);
    });
    const { stderr } = await kubectl.with({ input: JSON.stringify(pod('other')) }).outcome`create -f -`;
    expect(stderr).toBe(`Warning: Validation failed for ValidatingAdmissionPolicy '${namespace}-named' with binding '${namespace}-named': call it web\n`);
  });

  it('changes the pods of a Deployment by a policy, and by a webhook after it', async () => {
    hooks.on('/marks', ({ object }) => patching({ op: 'add', path: '/metadata/annotations', value: { 'example/saw': JSON.stringify(object).includes('"tier":"front"') ? 'tier' : 'nothing' } }));
    await kubectl.apply(
      ...bound('MutatingAdmissionPolicy', 'tier', { reinvocationPolicy: 'Never', mutations: [{ patchType: 'ApplyConfiguration', applyConfiguration: { expression: 'Object{metadata: Object.metadata{labels: {"tier": "front"}}}' } }] }),
      configuration('MutatingWebhookConfiguration', 'marks'),
    );
    await eventually(async () => {
      expect(await kubectl.with({ input: JSON.stringify(pod('web-probe')) })`create --dry-run=server -o ${'jsonpath={.metadata.labels.tier} {.metadata.annotations.example/saw}'} -f -`).toBe('front tier');
    });
    await kubectl.apply(deployment('web', { replicas: 2 }));
    await kubectl`rollout status deployment/web --timeout=30s`;
    expect(await kubectl`get pods -l app=web,tier=front -o ${'jsonpath={.items[*].metadata.annotations.example/saw}'}`).toBe('tier tier');
  });

  it('tells why a Deployment has no pods when a webhook refuses them', async () => {
    hooks.on('/full', ({ object }) => ({ allowed: !JSON.stringify(object).includes('crowd'), status: { message: 'the house is full' } }));
    await kubectl.apply(configuration('ValidatingWebhookConfiguration', 'full'));
    await eventually(async () => { expect(await refusal(pod('web-crowd'))).toContain('admission webhook "full.admission.example" denied the request: the house is full'); });
    await kubectl.apply(deployment('web-crowd'));
    await eventually(async () => {
      expect(await kubectl`get deployment web-crowd -o ${'jsonpath={.status.conditions[?(@.type=="ReplicaFailure")].message}'}`).toContain('admission webhook "full.admission.example" denied the request: the house is full');
    });
  });
});
