import { beforeAll, describe, expect, it } from 'vitest';
import type { Container, Pod } from '../../../machinery/kinds/core.ts';
import { pod, script } from '../manifests.ts';
import { usePods } from './pods.ts';

/** What Kubernetes' conformance list demands of `$(NAME)`; each title is an entry's. */
const pods = usePods('node-expansion');
const { kubectl } = pods;

type EnvVar = NonNullable<Container['env']>[number];

const field = (name: string, fieldPath: string): EnvVar => ({ name, valueFrom: { fieldRef: { fieldPath } } });
const once = { restartPolicy: 'Never', volumes: [{ name: 'work', emptyDir: {} }] };
const running = script('exec sleep 1000');

/** A pod with part of a volume at /part and all of it at /whole. */
function withPart(name: string, subPathExpr: string, env: EnvVar[], { container = running, annotations }: { readonly container?: Partial<Container>; readonly annotations?: Record<string, string> } = {}) {
  const volumeMounts = [{ name: 'work', mountPath: '/part', subPathExpr }, { name: 'work', mountPath: '/whole' }];
  return pod(name, { ...(annotations === undefined ? {} : { annotations }), spec: once, container: { ...container, env, volumeMounts } });
}

const waitsFor = (reason: string) => ({ status }: Pod): boolean => status?.containerStatuses?.[0]?.state?.waiting?.reason === reason;
const asItIs = [field('POD_NAME', 'metadata.name'), field('ANNOTATION', "metadata.annotations['mypath']")];

beforeAll(async () => {
  await kubectl.apply(
    pod('composed', { spec: once, container: { command: ['env'], env: [{ name: 'FOO', value: 'foo-value' }, { name: 'BAR', value: 'bar-value' }, { name: 'FOOBAR', value: '$(FOO);;$(BAR)' }] } }),
    pod('command', { spec: once, container: { command: ['sh', '-c', 'TEST_VAR=wrong echo "$(TEST_VAR)"'], env: [{ name: 'TEST_VAR', value: 'test-value' }] } }),
    pod('args', { spec: once, container: { command: ['sh', '-c'], args: ['TEST_VAR=wrong echo "$(TEST_VAR)"'], env: [{ name: 'TEST_VAR', value: 'test-value' }] } }),
    withPart('substituted', '$(POD_NAME)', [field('POD_NAME', 'metadata.name')], { container: script('touch /part/test.log && test -d /whole/substituted && test -e /whole/substituted/test.log') }),
    withPart('backwards', '$(POD_NAME)', [{ name: 'POD_NAME', value: '..' }]),
    withPart('absolute', '$(POD_NAME)', [{ name: 'POD_NAME', value: '/tmp' }]),
    withPart('mended', '$(ANNOTATION)/$(POD_NAME)', asItIs, { annotations: { notmypath: 'elsewhere' } }),
    withPart('written', '$(ANNOTATION)/$(POD_NAME)', asItIs, { annotations: { mypath: 'mypath' } }),
  );
});

describe('[sig-node] Variable Expansion', () => {
  it('Variable Expansion should allow composing env vars into new env vars [NodeConformance]', async () => {
    expect((await pods.output('composed')).split('\n')).toEqual(expect.arrayContaining(['FOO=foo-value', 'BAR=bar-value', 'FOOBAR=foo-value;;bar-value']));
  });

  it("Variable Expansion should allow substituting values in a container's command [NodeConformance]", async () => {
    expect(await pods.output('command')).toBe('test-value\n');
  });

  it("Variable Expansion should allow substituting values in a container's args [NodeConformance]", async () => {
    expect(await pods.output('args')).toBe('test-value\n');
  });

  it('Variable Expansion should allow substituting values in a volume subpath', async () => {
    expect(await pods.output('substituted')).toBe('');
  });

  it.each([
    ['Variable Expansion should fail substituting values in a volume subpath with backticks', 'backwards'],
    ['Variable Expansion should fail substituting values in a volume subpath with absolute path', 'absolute'],
  ])('%s', async (_title, name) => {
    const { status } = await pods.until(name, waitsFor('CreateContainerConfigError'));
    expect(status?.containerStatuses?.[0]?.state?.waiting?.message).toMatch(/subPath/);
    expect(pods.states(name).map((each) => each.status?.phase)).not.toContain('Running');
  });

  it('Variable Expansion should succeed in writing subpaths in container', async () => {
    await pods.ready('written');
    await kubectl`exec written -- touch /part/test.log`;
    expect(await kubectl`exec written -- ls /whole/mypath/written`).toBe('test.log\n');
    // Where it is mounted stays, whatever the pod is called later; what it can't be expanded from any more does not keep the pod.
    await kubectl`annotate pod written mypath=mynewpath --overwrite`;
    expect(await kubectl`exec written -- ls /part /whole`).toBe('/part:\ntest.log\n\n/whole:\nmypath\n');
    await kubectl`delete pod written --wait=false`;
    await pods.gone('written');
  });

  it('Variable Expansion should verify that a failing subpath expansion can be modified during the lifecycle of a container [Slow]', async () => {
    await pods.until('mended', waitsFor('CreateContainerConfigError'));
    await kubectl`annotate pod mended mypath=mypath`;
    await pods.ready('mended');
    await kubectl`exec mended -- touch /part/test.log`;
    expect(await kubectl`exec mended -- ls /whole/mypath/mended`).toBe('test.log\n');
  });
});
