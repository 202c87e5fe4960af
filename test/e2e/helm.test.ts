import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { outcome, run, type Outcome } from './command.ts';
import { useNamespace } from './namespace.ts';

const program = join(import.meta.dirname, '../../generated/bin/helm');
const chart = join(import.meta.dirname, 'charts/fleet');
const namespace = 'helm';
const kubectl = useNamespace(namespace);
let home: string;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'helm-'));
});
afterAll(async () => {
  await kubectl`delete crd boats.fleet.example --ignore-not-found`;
  await rm(home, { recursive: true });
});

function settings(): { readonly env: Readonly<Record<string, string>>; readonly deadlineMs: number } {
  const { dataDir } = inject('cluster');
  return { env: { KUBECONFIG: join(dataDir, 'admin.kubeconfig'), HELM_NAMESPACE: namespace, HELM_CACHE_HOME: home, HELM_CONFIG_HOME: home, HELM_DATA_HOME: home }, deadlineMs: 60_000 };
}

const helm = (...words: readonly string[]): Promise<string> => run(program, words, settings());
const helmOutcome = (...words: readonly string[]): Promise<Outcome> => outcome(program, words, settings());
const ready = () => kubectl`get deployment ship -o ${'jsonpath={.status.readyReplicas}'}`;

describe('helm', () => {
  it('installs a chart with its own kind, waits for its hooks and its pods', async () => {
    expect(await helm('install', 'ship', chart, '--wait', '--timeout', '40s')).toContain('STATUS: deployed');
    expect(await ready()).toBe('1');
    expect(await kubectl`get boats.fleet.example`).toMatch(/NAME +SAILS\nship +1\n/);
    expect(await kubectl`get boat.fleet.example ship -o jsonpath={.spec.colour}`).toBe('brown');
    expect(await kubectl`logs ship-before`).toBe('before\n');
    expect(await kubectl`get configmap ship-after -o jsonpath={.data.revision}`).toBe('1');
  });

  it('runs the chart\'s tests and takes their pods away', async () => {
    expect(await helm('test', 'ship', '--timeout', '30s')).toMatch(/Phase: +Succeeded/);
    expect(await kubectl.refused`get pod ship-test`).toContain('not found');
  });

  it('upgrades, and lists and tells what there is', async () => {
    expect(await helm('upgrade', 'ship', chart, '--set', 'replicas=2,greeting=ahoi', '--wait', '--timeout', '40s')).toContain('REVISION: 2');
    expect(await ready()).toBe('2');
    expect(await kubectl`get configmap ship -o jsonpath={.data.greeting}`).toBe('ahoi');
    expect(JSON.parse(await helm('list', '-o', 'json'))).toMatchObject([{ name: 'ship', revision: '2', status: 'deployed', chart: 'fleet-1.0.0' }]);
    expect(await helm('get', 'values', 'ship')).toContain('greeting: ahoi');
  });

  it('fails an upgrade whose hook fails, and changes nothing', async () => {
    const { code, stderr } = await helmOutcome('upgrade', 'ship', chart, '--set', 'isUpgradeBroken=true,greeting=nothing', '--timeout', '20s');
    expect([code, stderr]).toEqual([1, expect.stringContaining('pre-upgrade hooks failed')]);
    expect(await kubectl`get configmap ship -o jsonpath={.data.greeting}`).toBe('ahoi');
  });

  it('rolls back', async () => {
    await helm('rollback', 'ship', '1', '--wait', '--timeout', '40s');
    expect(await ready()).toBe('1');
    expect(await kubectl`get configmap ship -o jsonpath={.data.greeting}`).toBe('ahoy');
    expect(JSON.parse(await helm('history', 'ship', '-o', 'json'))).toMatchObject([{ status: 'superseded' }, { status: 'superseded' }, { status: 'failed' }, { status: 'deployed' }]);
  });

  it('uninstalls all but the kind', async () => {
    await helm('uninstall', 'ship', '--wait', '--timeout', '40s');
    expect(await kubectl`get deployment,service,boat.fleet.example -o name`).toBe('');
    expect(await kubectl`get crd boats.fleet.example -o name`).toBe('customresourcedefinition.apiextensions.k8s.io/boats.fleet.example\n');
  });
});
