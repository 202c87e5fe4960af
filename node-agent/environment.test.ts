import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import type { ConfigMap, Container, Pod, Secret } from '../machinery/kinds/core.ts';
import { ConfigError, environmentOf, expand } from './environment.ts';

const known = (name: string): string | undefined => ({ A: '1', B: '$(A)' } as Record<string, string>)[name];

describe('expansion of $(NAME)', () => {
  it.each([
    ['a known name', 'x$(A)y', 'x1y'], ['an unknown name', '$(NO)', '$(NO)'], ['an escaped dollar', '$$(A)', '$(A)'], ['two dollars', '$$', '$'],
    ['no expansion of the result', '$(B)', '$(A)'], ['an open bracket', '$(A', '$(A'], ['a lone dollar', 'a$b', 'a$b'], ['twice', '$(A)$(A)', '11'],
    ['three dollars', '$$$(A)', '$1'], ['empty name', '$()', '$()'],
  ])('%s', (_name, text, result) => {
    expect(expand(text, known)).toBe(result);
  });

  it('leaves text without dollars as it is', () => {
    fc.assert(fc.property(fc.string().filter((text) => !text.includes('$')), (text) => expand(text, known) === text));
  });
});

const pod: Pod = { metadata: { name: 'web-1', namespace: 'shop', uid: 'u1', labels: { app: 'web' } }, spec: { containers: [], serviceAccountName: 'sa' } };
const facts = { nodeName: 'n1', hostAddress: '10.0.0.1', address: '10.42.0.7', allocatable: { cpu: '2', memory: '4Gi' } };
const configMaps: Record<string, ConfigMap> = { settings: { data: { mode: 'fast', level: '3' } } };
const secrets: Record<string, Secret> = { login: { data: { password: Buffer.from('hunter2').toString('base64') } } };
const volume = mkdtempSync(join(tmpdir(), 'coracle-environment-'));
writeFileSync(join(volume, 'own.env'), "A='x'\nEMPTY=''\nB=y\n");
writeFileSync(join(volume, 'long.env'), `A='${'x'.repeat(32 * 1024 + 1)}'\n`);
afterAll(() => rmSync(volume, { recursive: true }));
const sources = {
  configMap: async (name: string) => configMaps[name], secret: async (name: string) => secrets[name], volumePath: (name: string) => (name === 'made' ? volume : undefined),
};
const file = (fileKeyRef: Partial<FileKeyRef>) => ({ env: [{ name: 'X', valueFrom: { fileKeyRef: { volumeName: 'made', path: 'own.env', key: 'A', ...fileKeyRef } } }] });

type FileKeyRef = NonNullable<NonNullable<NonNullable<Container['env']>[number]['valueFrom']>['fileKeyRef']>;

async function variables(container: Partial<Container>, links = new Map<string, string>()): Promise<Record<string, string>> {
  return Object.fromEntries(await environmentOf(pod, { name: 'c', ...container }, sources, links, facts));
}

describe('a container\'s environment', () => {
  it('takes envFrom first, then env in order, then service links that nobody set', async () => {
    const links = new Map([['WEB_SERVICE_HOST', '10.43.0.9'], ['mode', 'link']]);
    expect(await variables({
      envFrom: [{ configMapRef: { name: 'settings' }, prefix: 'CFG_' }, { configMapRef: { name: 'settings' } }, { secretRef: { name: 'login' } }],
      env: [{ name: 'level', value: '9' }, { name: 'TEXT', value: '$(level)/$(CFG_mode)/$(WEB_SERVICE_HOST)/$(LATER)' }, { name: 'LATER', value: 'x' }],
    }, links)).toEqual({ CFG_mode: 'fast', CFG_level: '3', mode: 'fast', level: '9', password: 'hunter2', TEXT: '9/fast/10.43.0.9/$(LATER)', LATER: 'x', WEB_SERVICE_HOST: '10.43.0.9' });
  });

  it.each([
    ['metadata.name', 'web-1'], ['metadata.namespace', 'shop'], ['metadata.uid', 'u1'], ["metadata.labels['app']", 'web'], ["metadata.annotations['no']", ''],
    ['spec.nodeName', 'n1'], ['spec.serviceAccountName', 'sa'], ['status.hostIP', '10.0.0.1'], ['status.podIP', '10.42.0.7'],
  ])('knows the field %s', async (fieldPath, value) => {
    expect(await variables({ env: [{ name: 'X', valueFrom: { fieldRef: { fieldPath } } }] })).toEqual({ X: value });
  });

  it.each([
    ['limits.cpu', '1', '2'], ['limits.cpu', '1m', '250'], ['limits.memory', '1Mi', '64'], ['requests.cpu', '1', '1'], ['requests.memory', '0', '67108864'],
  ])('knows the resource %s in units of %s', async (resource, divisor, value) => {
    const limits = resource === 'limits.cpu' && divisor === '1' ? {} : { cpu: '250m', memory: '64Mi' };
    expect(await variables({ resources: { limits }, env: [{ name: 'X', valueFrom: { resourceFieldRef: { resource, divisor } } }] })).toEqual({ X: value });
  });

  it.each([
    ['a missing ConfigMap', { env: [{ name: 'X', valueFrom: { configMapKeyRef: { name: 'no', key: 'k' } } }] }, 'configmap "no" not found'],
    ['a missing key', { env: [{ name: 'X', valueFrom: { configMapKeyRef: { name: 'settings', key: 'k' } } }] }, "couldn't find key k in ConfigMap shop/settings"],
    ['a missing Secret', { envFrom: [{ secretRef: { name: 'no' } }] }, 'secret "no" not found'],
    ['a missing Secret key', { env: [{ name: 'X', valueFrom: { secretKeyRef: { name: 'login', key: 'k' } } }] }, "couldn't find key k in Secret shop/login"],
    ['a volume that is not there', file({ volumeName: 'no' }), 'cannot find the volume "no" referenced by FileKeyRef'],
    ['a missing env file', file({ path: 'no.env' }), "couldn't parse env file: no.env does not exist"],
    ['a faulty env file', file({ key: 'C' }), "couldn't parse env file: value must be enclosed in single quotes at line 3"],
    ['a faulty env file, optional or not', file({ key: 'C', optional: true }), "couldn't parse env file: value must be enclosed in single quotes at line 3"],
    ['a variable that its env file lacks', file({ key: 'B', path: 'long.env' }), 'environment variable key "B" not found in file'],
    ['an empty variable of an env file', file({ key: 'EMPTY' }), 'environment variable key "EMPTY" not found in file'],
    ['a long key of an env file', file({ key: 'K'.repeat(129) }), `environment variable key "${'K'.repeat(129)}" exceeds maximum length of 128 characters`],
    ['a long value of an env file', file({ path: 'long.env' }), 'environment variable value for key "A" exceeds maximum size of 32KB'],
  ])('refuses %s', async (_name, container, message) => {
    await expect(variables(container)).rejects.toThrow(new ConfigError(message));
  });

  it('knows the variables of an env file', async () => {
    expect(await variables(file({}))).toEqual({ X: 'x' });
  });

  it('does without what is optional', async () => {
    for (const missing of [{ path: 'no.env' }, { key: 'B', path: 'long.env' }, { key: 'EMPTY' }]) expect(await variables(file({ ...missing, optional: true }))).toEqual({});
    expect(await variables({
      envFrom: [{ configMapRef: { name: 'no', optional: true } }], env: [{ name: 'X', valueFrom: { secretKeyRef: { name: 'no', key: 'k', optional: true } } }],
    })).toEqual({});
  });
});
