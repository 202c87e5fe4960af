import { createServer } from 'node:net';
import { once } from 'node:events';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { Pod } from '../../machinery/kinds/core.ts';
import { outcome } from './command.ts';
import { eventually } from './eventually.ts';
import { coracle, coracleProgram, newDataDir } from './coracle.ts';
import { deployment, pod, script } from './manifests.ts';
import { useNamespace } from './namespace.ts';

const kubectl = useNamespace('bad-input');

const given = (object: object) => kubectl.with({ input: JSON.stringify(object) });

describe('a manifest that is wrong', () => {
  it('is answered with every error at once, each with its path, value and reason, and changes nothing', async () => {
    const wrong = pod('Wrong_Name', { container: { name: 'Main', image: '', ports: [{ containerPort: 70000 }], resources: { requests: { memory: '2Gi' }, limits: { memory: '1Gi' } } } });
    const error = await given(wrong).refused`create -f -`;
    expect(error).toMatch(/^The Pod "Wrong_Name" is invalid: \n/);
    const lines = error.split('\n').filter((line) => line.startsWith('* '));
    expect(lines).toEqual(expect.arrayContaining([
      expect.stringMatching(/^\* metadata\.name: Invalid value: "Wrong_Name": a lowercase RFC 1123 subdomain must consist of/),
      expect.stringMatching(/^\* spec\.containers\[0\]\.name: Invalid value: "Main": a lowercase RFC 1123 label must consist of/),
      '* spec.containers[0].image: Required value',
      expect.stringMatching(/^\* spec\.containers\[0\]\.ports\[0\]\.containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive/),
      expect.stringMatching(/^\* spec\.containers\[0\]\.resources\.requests: Invalid value: "2Gi": must be less than or equal to memory limit of 1Gi/),
    ]));
    expect(await kubectl`get pods --field-selector=metadata.name=Wrong_Name -o name`).toBe('');
  });

  it.each([
    ['a selector that does not match the template', () => deployment('unmatched', { deployment: { selector: { matchLabels: { app: 'other' } } } }),
      /The Deployment "unmatched" is invalid: spec\.template\.metadata\.labels: Invalid value: (map\[string\]string)?\{"app":"unmatched"\}: `selector` does not match template `labels`/],
    ['a volume mount without a volume', () => pod('unmounted', { container: { volumeMounts: [{ name: 'none', mountPath: '/x' }] } }),
      /The Pod "unmounted" is invalid: spec\.containers\[0\]\.volumeMounts\[0\]\.name: Not found: "none"/],
    ['a value outside of its set', () => pod('policy', { spec: { restartPolicy: 'Sometimes' } }),
      /spec\.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", ("Never", "OnFailure"|"OnFailure", "Never")/],
    ['two containers of one name', () => pod('twins', { spec: { containers: [{ name: 'a', image: 'x' }, { name: 'a', image: 'x' }] } }),
      /spec\.containers\[1\]\.name: Duplicate value: "a"/],
    ['a number below none', () => deployment('negative', { replicas: -1 }), /spec\.replicas: Invalid value: -1: must be greater than or equal to 0/],
  ])('names the path: %s', async (_name, make, message) => {
    expect(await given(make()).refused`create -f -`).toMatch(message);
  });

  it('names a field of the wrong type', async () => {
    const wrong = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'typed' }, spec: { ...deployment('typed').spec, replicas: 'many' } };
    expect(await given(wrong).refused`create --validate=false -f -`).toMatch(/cannot unmarshal string into Go struct field .*spec\.replicas of type int32/);
  });

  it('names an unknown kind, an unknown namespace and a quantity that is none', async () => {
    expect(await given({ apiVersion: 'v1', kind: 'Gadget', metadata: { name: 'x' } }).refused`create --validate=false -f -`).toContain('no matches for kind "Gadget" in version "v1"');
    expect(await kubectl.refused`create configmap lost -n not-there`).toContain('namespaces "not-there" not found');
    expect(await given(pod('much', { container: { resources: { limits: { memory: 'lots' } } } })).refused`create --validate=false -f -`).toContain('quantities must match the regular expression');
  });

  it('refuses to change what may not change', async () => {
    await kubectl.apply(pod('settled'));
    const error = await given(pod('settled', { container: { env: [{ name: 'A', value: 'b' }] } })).refused`apply -f -`;
    expect(error).toContain('The Pod "settled" is invalid: spec: Forbidden: pod updates may not change fields other than');
  });

  it('tells of text that is no YAML', async () => {
    expect(await kubectl.with({ input: 'kind: [Pod' }).refused`create -f -`).toContain('error parsing STDIN');
  });
});

const stateOf = async (name: string) => (await kubectl.object<Pod>`get pod ${name} -o json`).status?.containerStatuses?.[0];

const events = (name: string) => kubectl`get events --field-selector=involvedObject.name=${name} -o ${'jsonpath={range .items[*]}{.type} {.reason} {.message}{"\\n"}{end}'}`;

const waitingFor = (name: string, reason: string) => kubectl`wait pod/${name} --for=jsonpath={.status.containerStatuses[0].state.waiting.reason}=${reason} --timeout=30s`;

describe('a pod that cannot start', () => {
  it('shows that its image cannot be pulled, why, and that it backs off', async () => {
    // Nothing listens there.
    await kubectl.apply(pod('no-image', { container: { image: '127.0.0.1:3/absent:1' } }));
    await waitingFor('no-image', 'ErrImagePull');
    expect((await stateOf('no-image'))?.state?.waiting?.message).toMatch(/127\.0\.0\.1:3\/absent:1.*(ECONNREFUSED|connection refused)/is);
    await waitingFor('no-image', 'ImagePullBackOff');
    expect((await stateOf('no-image'))?.state?.waiting?.message).toMatch(/Back-off pulling image "127\.0\.0\.1:3\/absent:1"/);
    await eventually(async () => {
      const text = await events('no-image');
      expect(text).toMatch(/^Normal Pulling Pulling image "127\.0\.0\.1:3\/absent:1"$/m);
      expect(text).toMatch(/^Warning Failed Failed to pull image "127\.0\.0\.1:3\/absent:1": /m);
      expect(text).toMatch(/^Warning Failed Error: ErrImagePull$/m);
      expect(text).toMatch(/^Normal BackOff Back-off pulling image "127\.0\.0\.1:3\/absent:1"/m);
    });
  });

  it('shows that an image that it may not pull is not there', async () => {
    await kubectl.apply(pod('never', { container: { image: 'coracle.example/absent:1', imagePullPolicy: 'Never' } }));
    await waitingFor('never', 'ErrImageNeverPull');
    await eventually(async () => expect(await events('never')).toMatch(/^Warning ErrImageNeverPull Container image "coracle\.example\/absent:1" is not present with pull policy of Never$/m));
  });

  it('shows an image name that is none', async () => {
    await kubectl.apply(pod('misnamed', { container: { image: 'Not:A:Name' } }));
    await waitingFor('misnamed', 'InvalidImageName');
    await eventually(async () => expect(await events('misnamed')).toMatch(/^Warning (Failed|InspectFailed) .*Not:A:Name/m));
  });

  it('shows that its command does not exist', async () => {
    await kubectl.apply(pod('no-command', { container: { command: ['no-such-command', '--flag'] }, spec: { restartPolicy: 'Never' } }));
    await kubectl`wait pod/no-command --for=jsonpath={.status.phase}=Failed --timeout=30s`;
    const state = await stateOf('no-command');
    expect(state?.state?.terminated).toMatchObject({ reason: 'StartError', exitCode: 128, message: expect.stringMatching(/no-such-command.*(no such file|not found)/is) });
    await eventually(async () => expect(await events('no-command')).toMatch(/^Warning Failed .*no-such-command/m));
  });

  it('backs off from a command that does not exist when it shall be restarted', async () => {
    await kubectl.apply(pod('again', { container: { command: ['no-such-command'] } }));
    await kubectl`wait pod/again --for=jsonpath={.status.containerStatuses[0].restartCount}=1 --timeout=30s`;
    await waitingFor('again', 'CrashLoopBackOff');
    expect((await stateOf('again'))?.lastState?.terminated).toMatchObject({ reason: 'StartError', exitCode: 128 });
    await eventually(async () => expect(await events('again')).toMatch(/^Warning BackOff Back-off restarting failed container main in pod again_/m));
  });

  it('shows a ConfigMap or Secret that is missing, and starts once it is there', async () => {
    await kubectl.apply(pod('needy', { container: { ...script('echo $COLOUR; exec sleep 1000'), env: [{ name: 'COLOUR', valueFrom: { configMapKeyRef: { name: 'colours', key: 'first' } } }] } }));
    await waitingFor('needy', 'CreateContainerConfigError');
    expect((await stateOf('needy'))?.state?.waiting?.message).toBe('configmap "colours" not found');
    await kubectl`create configmap colours --from-literal=first=red`;
    await kubectl`wait pod/needy --for=condition=Ready --timeout=30s`;
    // Running is said before the shell has printed anything.
    await using log = kubectl.start`logs -f needy`;
    await log.until(/^red$/m);
  });

  it('stays Pending where it does not fit, with the reason per node in an event', async () => {
    await kubectl.apply(pod('huge', { container: { resources: { requests: { cpu: '1000', memory: '1Ti' } } } }), pod('choosy', { spec: { nodeSelector: { disk: 'fast' } } }));
    for (const name of ['huge', 'choosy']) await kubectl`wait pod/${name} --for=jsonpath={.status.conditions[0].reason}=Unschedulable --timeout=30s`;
    await using watch = kubectl.start`get events --watch -o ${'jsonpath={.involvedObject.name} {.type} {.reason} {.message}{"\\n"}'}`;
    await watch.until(/(?=[^]*^huge Warning FailedScheduling 0\/1 nodes are available: 1 Insufficient cpu, 1 Insufficient memory\.)(?=[^]*^choosy Warning FailedScheduling 0\/1 nodes are available: 1 node\(s\) didn't match Pod's node affinity\/selector\.)/m);
  });
});

/** One line that starts with `coracle: `, and exit code 1. */
function expectOneLine({ code, stdout, stderr }: { readonly code: number; readonly stdout: string; readonly stderr: string }, text: RegExp): void {
  expect(stderr).toMatch(/^coracle: [^\n]+\n$/);
  expect(stderr).toMatch(text);
  expect(stdout).toBe('');
  expect(code).toBe(1);
}

describe('a command that cannot work', () => {
  let dataDir: string;
  beforeAll(async () => {
    dataDir = await newDataDir('bad-input');
  });
  afterAll(() => rm(dataDir, { recursive: true, force: true }));

  it('says that the port is in use, and leaves nothing', async () => {
    const server = createServer().listen(0, '0.0.0.0');
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    try {
      expectOneLine(await coracle('up', '--data-dir', `${dataDir}/port`, '--api-port', String(port)), new RegExp(`port ${port} on 0\\.0\\.0\\.0 is in use: choose another with --api-port`));
    } finally {
      server.close();
    }
  });

  it("refuses another role's data directory, and one that is in use", async () => {
    const { dataDir: shared } = inject('cluster');
    expectOneLine(await coracle('server', '--data-dir', shared, '--api-port', '0'), /belongs to 'coracle up': choose another --data-dir/);
    expectOneLine(await coracle('up', '--data-dir', shared, '--api-port', '0'), /another Coracle \(pid \d+\) runs on .*: stop it with 'coracle down/);
  });

  it('says that it takes root', async () => {
    // Nobody, but one who may read a checkout below /root: a fresh machine keeps others out of there.
    const nobody = ['--reuid=65534', '--regid=65534', '--clear-groups', '--inh-caps=+dac_read_search', '--ambient-caps=+dac_read_search', '--'];
    for (const command of ['up', 'down']) {
      expectOneLine(await outcome('setpriv', [...nobody, coracleProgram, command, '--data-dir', `${dataDir}/root`]), /takes root: run it with sudo/);
    }
  });

  it('says that a directory is no data directory', async () => {
    expectOneLine(await coracle('image', 'list', '--data-dir', `${dataDir}/none`), /is no data directory of Coracle/);
    expect(await coracle('down', '--data-dir', `${dataDir}/none`)).toMatchObject({ code: 0, stdout: expect.stringContaining('nothing to do') });
  });

  it('says what is wrong with its arguments', async () => {
    const { code, stderr } = await coracle('up', '--api-port', 'many');
    expect(code).toBe(1);
    expect(stderr).toContain("error: option '--api-port <port>' argument 'many' is invalid");
    expect(stderr).toContain("(try 'coracle up --help')");
    expect((await coracle('image', 'build', '--file', 'x')).stderr).toBe("error: unknown option '--file'\n(try 'coracle image build --help')\n");
    expect((await coracle('upp')).stderr).toContain("unknown command 'upp'");
  });

  it('names an archive that is no image', async () => {
    const { dataDir: shared } = inject('cluster');
    expectOneLine(await coracle('image', 'import', coracleProgram, '--data-dir', shared), /coracle.*(image|archive)/);
    expectOneLine(await coracle('image', 'import', `${dataDir}/absent.tar`, '--data-dir', shared), /cannot read .*absent\.tar: ENOENT/);
  });

  it('says that there is no cluster that kubectl could talk to', async () => {
    // What a user may have set outweighs the data directory; empty, it is unset.
    for (const unset of [['-u', 'KUBECONFIG'], ['KUBECONFIG=']]) {
      const { code, stderr } = await outcome('env', [...unset, `CORACLE_DATA_DIR=${dataDir}/none`, coracleProgram, 'kubectl', 'get', 'pods']);
      expect(code).toBe(1);
      expect(stderr).toBe(`coracle: there is no ${dataDir}/none/admin.kubeconfig: start a cluster with 'coracle up', or name its data directory in CORACLE_DATA_DIR\n`);
    }
    await mkdir(join(dataDir, 'agent'));
    await writeFile(join(dataDir, 'agent/cluster.json'), JSON.stringify({ format: 1, role: 'agent', instance: 'abcdef' }));
    const agents = await outcome('env', ['-u', 'KUBECONFIG', `CORACLE_DATA_DIR=${dataDir}/agent`, coracleProgram, 'kubectl', 'get', 'pods']);
    expect(agents.stderr).toBe(`coracle: there is no ${dataDir}/agent/admin.kubeconfig: this machine is a node: copy the admin.kubeconfig of its server, and name the copy in KUBECONFIG\n`);
    const { stderr } = await outcome('env', [`KUBECONFIG=${dataDir}/none`, coracleProgram, 'kubectl', 'get', '--no-such-flag']);
    expect(stderr).toMatch(/^error: unknown flag: --no-such-flag\n[^]*coracle: there is no .*\/none: start a cluster with 'coracle up', or unset KUBECONFIG, which names that file\n$/);
  });
});
