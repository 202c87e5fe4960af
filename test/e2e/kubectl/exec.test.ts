import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../command.ts';
import { webImage } from '../coracle.ts';
import { eventually } from '../eventually.ts';
import { deployment, pod, script } from '../manifests.ts';
import { useNamespace } from '../namespace.ts';

const kubectl = useNamespace('kubectl-exec');
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'coracle-cp-'));
  await kubectl.apply(pod('shell'), pod('guarded'), pod('imageless', { container: { image: 'coracle.example/none:1', imagePullPolicy: 'Never' } }), pod('watched', { container: script(": watched-main; trap 'exit 0' TERM; while :; do sleep 0.2; done") }), deployment('web'), pod('cat', { container: { ...script('echo ready; exec cat'), stdin: true } }));
  await kubectl`wait pod/shell pod/guarded pod/watched pod/cat --for=condition=Ready --timeout=30s`;
  await kubectl`rollout status deployment/web --timeout=30s`;
});
afterAll(() => rm(directory, { recursive: true, force: true }));

describe('kubectl debug', () => {
  it('runs a container beside those of a running pod, in its network, with its logs and its end in the status', async () => {
    await kubectl`debug guarded --image ${webImage} -c looker --profile general -- sh -c ${'hostname; exit 3'}`;
    await kubectl`wait pod/guarded --for=jsonpath={.status.ephemeralContainerStatuses[0].state.terminated.exitCode}=3 --timeout=30s`;
    expect(await kubectl`logs guarded -c looker`).toBe('guarded\n');
    expect(await kubectl`get pod guarded -o ${'jsonpath={.status.phase} {.status.containerStatuses[*].restartCount} {.status.ephemeralContainerStatuses[0].name}'}`).toBe('Running 0 looker');
    expect(await kubectl`describe pod guarded`).toMatch(/Ephemeral Containers:\n {2}looker:/);
  });

  it('--target shows the processes of another container, and ends with it', async () => {
    await kubectl`debug watched --image ${webImage} -c onlooker --target main --profile general -- sh -c ${'ps -o args; cat /proc/1/comm; exec sleep 1000'}`;
    await kubectl`wait pod/watched ${'--for=jsonpath={.status.ephemeralContainerStatuses[?(@.name=="onlooker")].state.running.startedAt}'} --timeout=30s`;
    await eventually(async () => expect(await kubectl`logs watched -c onlooker`).toMatch(/watched-main[^]*\nsh\n$/));
    // The other way round too: they are processes of one namespace.
    expect(await kubectl`exec watched -c main -- ps -o args`).toMatch(/^sleep 1000$/m);
    expect(await kubectl`exec watched -c onlooker -- ls /proc/1/root`).not.toBe('');
    await kubectl`exec watched -c main -- kill 1`;
    await kubectl`wait pod/watched ${'--for=jsonpath={.status.ephemeralContainerStatuses[?(@.name=="onlooker")].state.terminated.exitCode}=137'} --timeout=30s`;
  });

  it('-it attaches to it', async () => {
    await using terminal = kubectl.terminal`debug -it guarded --image ${webImage} -c visitor --profile general -- sh`;
    await terminal.until(/# /);
    terminal.write('echo here $((20+22))\r');
    await terminal.until(/here 42/);
    terminal.write('exit 4\r');
    await terminal.ended;
    await kubectl`wait pod/guarded --for=jsonpath={.status.ephemeralContainerStatuses[?(@.name=="visitor")].state.terminated.exitCode}=4 --timeout=30s`;
  });
});

describe('kubectl exec', () => {
  it("runs a command, keeps its streams apart and returns its exit code", async () => {
    const outcome = await kubectl.outcome`exec shell -- sh -c ${'echo out; echo err >&2; exit 7'}`;
    expect(outcome.stdout).toBe('out\n');
    expect(outcome.stderr).toBe('err\ncommand terminated with exit code 7\n');
    expect(outcome.code).toBe(7);
  });

  it('passes standard input, and its end, byte for byte', async () => {
    const input = 'some bytes\n'.repeat(100_000);
    expect(await kubectl.with({ input })`exec -i shell -- md5sum`).toBe(await kubectl.with({ input })`exec -i shell -- sh -c ${'cat > /tmp/in; md5sum < /tmp/in'}`);
    expect(await kubectl.with({ input })`exec -i shell -- wc -c`).toBe(`${input.length}\n`);
  });

  it('passes much output whole', async () => {
    const output = await kubectl`exec shell -- sh -c ${'yes 0123456789abcde | head -n 200000'}`;
    expect(output.length).toBe(200_000 * 16);
  });

  it("finds a deployment's pod, and a container by name", async () => {
    expect(await kubectl`exec deployment/web -c main -- hostname`).toMatch(/^web-[a-z0-9]+-[a-z0-9]{5}\n$/);
    expect(await kubectl.refused`exec shell -c other -- true`).toContain('container other is not valid for pod shell');
  });

  it('says so when there is no such command', async () => {
    const outcome = await kubectl.outcome`exec shell -- no-such-command`;
    expect(outcome.code).not.toBe(0);
    expect(outcome.stderr).toMatch(/no-such-command.*(no such file|not found)/is);
  });

  it('-it gives a real terminal with echo and signals, and its exit code', async () => {
    await using terminal = kubectl.terminal`exec -it shell -- sh`;
    await terminal.until(/# /);
    terminal.write('tty\r');
    await terminal.until(/tty\r\n\/dev\/pts\/\d+\r\n/);
    terminal.write('sh -c "echo sleep\\ing; exec sleep 1000"\r');
    await terminal.until(/sleeping\r\n/);
    terminal.write('\x03');
    await terminal.until(/\^C/);
    terminal.write('echo still $((20+22))\r');
    await terminal.until(/still 42/);
    terminal.write('exit 4\r');
    expect(await terminal.ended).toMatchObject({ code: 4 });
  });

  it('-it passes on the size of the terminal, and its changes', async () => {
    await using terminal = kubectl.terminal`exec -it shell -- sh -c ${'until stty size 2>/dev/null | grep -q "30 100"; do usleep 20000; done; trap "stty size" WINCH; echo as asked; until stty size | grep -q "40 120"; do usleep 20000; done'}`;
    const [device] = await terminal.until(/\/dev\/pts\/\d+/);
    await terminal.until(/as asked/);
    // Rows first, then columns: there is a size in between.
    await run('stty', ['-F', device, 'rows', '40', 'cols', '120']);
    await terminal.until(/40 120/);
    expect((await terminal.ended).code).toBe(0);
  });
});

describe('a container that does not run', () => {
  it('is said not to be there', async () => {
    const reason = 'error: unable to upgrade connection: container not found ("main")\n';
    expect(await kubectl.refused`exec imageless -- true`).toBe(reason);
    expect(await kubectl.refused`attach --quiet imageless`).toBe(reason);
    await using forward = kubectl.start`port-forward pod/nowhere :8080`;
    expect((await forward.ended).stderr).toContain('pods "nowhere" not found');
  });
});

describe('kubectl attach', () => {
  it("reaches the container's own input and output", async () => {
    await using attached = kubectl.start`attach -i cat`;
    attached.write('hello there\n');
    await attached.until(/hello there/);
    await using logs = kubectl.start`logs -f cat`;
    await logs.until(/^ready\nhello there\n/);
  });
});

describe('kubectl run', () => {
  it('--rm -it runs a pod in a terminal, and removes it', async () => {
    await using terminal = kubectl.terminal`run visitor --rm -it --restart=Never --image=coracle.example/web:1 -- sh`;
    await terminal.until(/# /);
    terminal.write('echo pid $$ on $(hostname)\r');
    await terminal.until(/pid 1 on visitor/);
    terminal.write('exit\r');
    await terminal.until(/pod "visitor" deleted/);
    expect((await terminal.ended).code).toBe(0);
    expect(await kubectl`get pods --field-selector=metadata.name=visitor -o name`).toBe('');
  });

  it('--rm -i passes input to a command, and its exit code back', async () => {
    const { stdout } = await kubectl.with({ input: 'one two\n' }).outcome`run piped --rm -i --quiet --restart=Never --image=coracle.example/web:1 -- sed s/two/three/`;
    expect(stdout).toContain('one three\n');
    expect(await kubectl.with({ input: '' }).outcome`run failing --rm -i --quiet --restart=Never --image=coracle.example/web:1 -- sh -c ${'exit 5'}`).toMatchObject({ code: 5 });
  });

  it('makes a pod from flags', async () => {
    await kubectl`run flagged --image=coracle.example/web:1 --env=A=b --labels=x=y --port=8080`;
    await kubectl`wait pod/flagged --for=condition=Ready --timeout=30s`;
    expect(await kubectl`exec flagged -- printenv A`.catch(() => kubectl`exec flagged -- sh -c ${'echo $A'}`)).toBe('b\n');
  });
});

describe('kubectl cp', () => {
  it('copies a file in and out', async () => {
    const [there, back] = [join(directory, 'there'), join(directory, 'back')];
    await writeFile(there, 'carried\0bytes\n'.repeat(10_000));
    await kubectl`cp ${there} shell:/tmp/carried`;
    expect(await kubectl`exec shell -- sh -c ${'wc -c < /tmp/carried'}`).toBe('140000\n');
    await kubectl`cp shell:/tmp/carried ${back}`;
    expect((await readFile(back)).equals(await readFile(there))).toBe(true);
  });
});

describe('kubectl port-forward', () => {
  it('carries connections to a port of a pod', async () => {
    await using forward = kubectl.start`port-forward pod/shell :8080`;
    const [, port] = await forward.until(/Forwarding from 127\.0\.0\.1:(\d+) -> 8080/);
    for (let round = 0; round < 3; round++) {
      const response = await fetch(`http://127.0.0.1:${port}/cgi-bin/hello`, { signal: AbortSignal.timeout(5000) });
      expect(await response.text()).toBe('Hello from shell\n');
    }
  });

  it('ends, as kubectl does, when nothing listens on the port, and says so', async () => {
    await using forward = kubectl.start`port-forward deployment/web :9`;
    const [, port] = await forward.until(/Forwarding from 127\.0\.0\.1:(\d+) -> 9/);
    await expect(fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(10_000) })).rejects.toThrow('fetch failed');
    await forward.until(/an error occurred forwarding \d+ -> 9: .*connection refused/is);
    expect((await forward.ended).stderr).toContain('error: lost connection to pod');
  });
});

describe('a client that speaks SPDY only', () => {
  const older = kubectl.with({ env: { KUBECTL_REMOTE_COMMAND_WEBSOCKETS: 'false', KUBECTL_PORT_FORWARD_WEBSOCKETS: 'false' } });

  it('has a command\'s streams apart, its input, and its exit code', async () => {
    expect(await older.outcome`exec shell -- sh -c ${'echo out; echo err >&2; exit 7'}`).toEqual({ code: 7, stdout: 'out\n', stderr: 'err\ncommand terminated with exit code 7\n' });
    const input = 'some bytes\n'.repeat(100_000);
    expect(await older.with({ input })`exec -i shell -- wc -c`).toBe(`${input.length}\n`);
    expect(await older.with({ input })`exec -i shell -- true`).toBe('');
    expect((await older`exec shell -- sh -c ${'yes 0123456789abcde | head -n 200000'}`).length).toBe(200_000 * 16);
    expect(await older.refused`exec shell -- no-such-command`).toMatch(/no-such-command.*(no such file|not found)/is);
    expect(await older.refused`exec imageless -- true`).toBe('error: unable to upgrade connection: container not found ("main")\n');
  });

  it('has a terminal, and its size', async () => {
    await using terminal = older.terminal`exec -it shell -- sh -c ${'until stty size 2>/dev/null | grep -q "30 100"; do usleep 20000; done; tty; read line; echo "read $line"; exit 4'}`;
    await terminal.until(/\/dev\/pts\/\d+\r\n/);
    terminal.write('typed\r');
    await terminal.until(/read typed/);
    expect(await terminal.ended).toMatchObject({ code: 4 });
  });

  it('attaches', async () => {
    await using attached = older.start`attach -i cat`;
    attached.write('hello by SPDY\n');
    await attached.until(/hello by SPDY/);
  });

  it('forwards ports', async () => {
    await using forward = older.start`port-forward pod/shell :8080`;
    const [, port] = await forward.until(/Forwarding from 127\.0\.0\.1:(\d+) -> 8080/);
    const get = async () => (await fetch(`http://127.0.0.1:${port}/cgi-bin/hello`, { signal: AbortSignal.timeout(5000), headers: { connection: 'close' } })).text();
    expect(await get()).toBe('Hello from shell\n');
    expect(await Promise.all([get(), get()])).toEqual(['Hello from shell\n', 'Hello from shell\n']);
  });
});
