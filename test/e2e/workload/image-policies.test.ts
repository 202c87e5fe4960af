import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { webArchive } from '../coracle.ts';
import { eventually } from '../eventually.ts';
import { pod } from '../manifests.ts';
import { useNamespace } from '../namespace.ts';
import { startRegistry, type Registry } from '../registry.ts';
import { newSigningKey, sign, signByBundle } from '../signing.ts';

const kubectl = useNamespace('image-policies');
const key = newSigningKey();
/** Of other images than `key`: a bundle is for an image wherever that is, and all of these have the same bytes. */
const bundleKey = newSigningKey();
let registry: Registry;

beforeAll(async () => {
  registry = await startRegistry();
});
afterAll(async () => {
  await kubectl`delete imagepolicies guarded --ignore-not-found`;
  await registry[Symbol.asyncDispose]();
});

const policy = (...rules: readonly object[]) => ({ apiVersion: 'coracle.dev/v1', kind: 'ImagePolicy', metadata: { name: 'guarded' }, spec: { rules } });
const ready = (name: string) => kubectl`wait pod/${name} --for=condition=Ready --timeout=30s`;
const waiting = (name: string) => kubectl`get pod ${name} -o ${'jsonpath={.status.containerStatuses[0].state.waiting.reason}: {.status.containerStatuses[0].state.waiting.message}'}`;
const refused = (name: string, text: string) => eventually(async () => expect(await waiting(name)).toContain(text));

describe('an ImagePolicy', () => {
  it('lets an image run once it is signed, and says which rule it did not meet before', async () => {
    const image = `${registry.host}/guarded/app:1`;
    const digest = await registry.push(webArchive, 'guarded/app', '1');
    await registry.push(webArchive, 'guarded/copy', '1');
    await kubectl.apply(policy({ image: `${registry.host}/guarded/free`, allow: 'unsigned' }, { image: `${registry.host}/guarded/**`, publicKeys: [key.publicKey] }, { image: `${registry.host}/bundled/**`, publicKeys: [bundleKey.publicKey] }));
    await kubectl.apply(pod('signed', { container: { image } }), pod('copy', { container: { image: `${registry.host}/guarded/copy:1` } }),
      pod('mounts', { spec: { volumes: [{ name: 'app', image: { reference: image } }] }, container: { volumeMounts: [{ name: 'app', mountPath: '/app' }] } }));
    const rule = `refused by rule 2 of ImagePolicy "guarded" (${registry.host}/guarded/**): no signature was found for sha256:`;
    for (const name of ['signed', 'copy', 'mounts']) await refused(name, rule);
    expect(await waiting('signed')).toMatch(/^SignatureValidationFailed: image /);
    await eventually(async () => expect(await kubectl`get events --field-selector=involvedObject.name=signed,reason=SignatureValidationFailed -o ${'jsonpath={.items[*].type} {.items[*].message}'}`).toMatch(new RegExp(`^Warning .*${registry.host}/guarded/`)));
    await sign(registry.host, 'guarded/app', digest, key);
    await ready('signed');
    await ready('mounts');
  });

  it('takes what cosign 3 makes of a signature, and nothing else that the same key says of an image', async () => {
    const digest = await registry.push(webArchive, 'bundled/app', '1');
    await signByBundle(registry.host, 'bundled/app', digest, newSigningKey());
    await signByBundle(registry.host, 'bundled/app', digest, bundleKey, 'https://slsa.dev/provenance/v1');
    await kubectl.apply(pod('bundled', { container: { image: `${registry.host}/bundled/app:1` } }));
    await refused('bundled', 'a signature was made with another key; a signature is not one of a container image');
    await signByBundle(registry.host, 'bundled/app', digest, bundleKey);
    await ready('bundled');
  });

  it('holds for images that are on the node already, by whatever name, and where the registry is gone', async () => {
    const id = (await kubectl`get pod signed -o ${'jsonpath={.status.containerStatuses[0].imageID}'}`).split('@')[1] ?? '';
    await registry.push(webArchive, 'guarded/free', '1');
    await kubectl.apply(pod('free', { container: { image: `${registry.host}/guarded/free:1` } }));
    await ready('free');
    await registry[Symbol.asyncDispose]();
    const present = { image: `${registry.host}/guarded/app@${id}`, imagePullPolicy: 'Never' };
    await kubectl.apply(pod('again', { container: present }), pod('bundled-again', { container: { image: `${registry.host}/bundled/app:1`, imagePullPolicy: 'Never' } }), pod('stale', { container: { image: `${registry.host}/guarded/copy:1`, imagePullPolicy: 'Never' } }));
    await ready('again');
    await ready('bundled-again');
    await refused('stale', "its signatures can't be had:");
    await kubectl.apply(policy({ image: `${registry.host}/guarded/**`, publicKeys: [newSigningKey().publicKey] }));
    await kubectl.apply(pod('revoked', { container: present }));
    await refused('revoked', 'rule 1 of ImagePolicy "guarded"');
  });

  it.each([
    ['both keys and leave', { publicKeys: [key.publicKey], allow: 'unsigned' }, 'a rule has either publicKeys or allow'],
    ['neither', {}, 'a rule has either publicKeys or allow'],
    ['an unknown leave', { allow: 'everything' }, 'Unsupported value: "everything": supported values: "unsigned"'],
    ['a name without its registry', { image: 'nginx', allow: 'unsigned' }, 'no image matches it: repositories begin with their registry'],
    ['a path without its registry', { image: 'team/app', publicKeys: [key.publicKey] }, 'no image matches it: repositories begin with their registry'],
    ['a private key', { publicKeys: ['-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n'] }, 'a key begins with -----BEGIN PUBLIC KEY-----'],
    ['a tag', { image: 'registry.example:5000/app:1', publicKeys: [key.publicKey] }, 'no image matches it: repositories are matched, which have no tag'],
    ['a tag in what it was signed as', { publicKeys: [key.publicKey], signedAs: 'registry.example/app:1' }, 'no image matches it: repositories are matched, which have no tag'],
  ])('with %s in a rule is refused', async (_name, rule, message) => {
    await expect(kubectl.apply(policy({ image: '**', ...rule }))).rejects.toThrow(message);
  });
});
