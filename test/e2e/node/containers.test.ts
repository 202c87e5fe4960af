import { readFile } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Container, Pod } from '../../../machinery/kinds/core.ts';
import { webImage } from '../coracle.ts';
import { exampleLayer } from '../image-archive.ts';
import { pod, script } from '../manifests.ts';
import { takeIn, usePods } from './pods.ts';

/** What Kubernetes' conformance list demands of a container's command, files, output and end; each title is an entry's. */
const pods = usePods('node-containers');
const { kubectl } = pods;

const speaking = 'conformance.example/speaking:1';
const never = { restartPolicy: 'Never' };
const once = (name: string, container: Partial<Container>) => pod(name, { spec: never, container });
const hosts = '/etc/hosts';
/** The first line of a file that Kubernetes keeps. */
const managed = '# Kubernetes-managed hosts file.';

/** Fails in its first run, succeeds in its second, and goes on in its third. */
const threeRuns = (name: string, restartPolicy: string) => pod(name, {
  spec: { restartPolicy, volumes: [{ name: 'runs', emptyDir: { medium: 'Memory' } }] },
  container: { ...script('echo run >> /runs/count; case $(wc -l < /runs/count) in 1) exit 1;; 2) exit 0;; esac; exec sleep 1000'), volumeMounts: [{ name: 'runs', mountPath: '/runs' }] },
});

const said = (name: string, text: string, container: Partial<Container> = {}) => once(name, { ...script(text), terminationMessagePolicy: 'FallbackToLogsOnError', ...container });

beforeAll(async () => {
  // The example image has no entrypoint.
  await takeIn({ name: speaking, layers: [await exampleLayer()], config: { Entrypoint: ['/bin/echo', 'image'], Cmd: ['its', 'own'] } });
  await kubectl.apply(
    once('defaults', { image: speaking }),
    once('other-args', { image: speaking, args: ['override', 'arguments'] }),
    once('other-command', { image: speaking, command: ['/bin/printf', 'command %s.\\n'] }),
    once('other-both', { image: speaking, command: ['/bin/printf', 'command %s.\\n'], args: ['arguments'] }),

    once('talking', script('echo Hello World; echo and an error >&2')),
    pod('failing', { container: { command: ['/bin/false'] } }),
    once('read-only', { ...script('echo test > /file; sleep 0.1'), securityContext: { readOnlyRootFilesystem: true } }),
    pod('aliased', { spec: { ...never, hostAliases: [{ ip: '123.45.67.89', hostnames: ['foo', 'bar'] }] }, container: { command: ['cat', hosts] } }),
    pod('hosts', {
      spec: {
        volumes: [{ name: 'machines', hostPath: { path: hosts, type: 'File' } }],
        containers: [
          { name: 'kept', image: webImage, ...script('exec sleep 1000') },
          { name: 'mounting', image: webImage, ...script('exec sleep 1000'), volumeMounts: [{ name: 'machines', mountPath: hosts }] },
        ],
      },
    }),
    pod('hosts-of-machine', { spec: { hostNetwork: true }, container: script('exec sleep 1000') }),

    threeRuns('always', 'Always'), threeRuns('on-failure', 'OnFailure'), threeRuns('never', 'Never'),
    said('own-path', 'echo -n DONE > /dev/termination-custom-log', { terminationMessagePath: '/dev/termination-custom-log', securityContext: { runAsUser: 10_000 } }),
    said('failing-log', 'echo -n DONE; exit 1'), said('succeeding-log', 'echo -n DONE'), said('succeeding-file', 'echo -n OK > /dev/termination-log; echo DONE'),
  );
});

describe('[sig-node] A container’s command', () => {
  it.each([
    ['Containers should use the image defaults if command and args are blank [NodeConformance]', 'defaults', 'image its own\n'],
    ["Containers should be able to override the image's default arguments (container cmd) [NodeConformance]", 'other-args', 'image override arguments\n'],
    ["Containers should be able to override the image's default command (container entrypoint) [NodeConformance]", 'other-command', 'command .\n'],
    ["Containers should be able to override the image's default command and arguments [NodeConformance]", 'other-both', 'command arguments.\n'],
  ])('%s', async (_title, name, output) => {
    expect(await pods.output(name)).toBe(output);
  });
});

describe('[sig-node] A container’s output and files', () => {
  it('Kubelet when scheduling a busybox command in a pod should print the output to logs [NodeConformance]', async () => {
    expect((await pods.output('talking')).split('\n').toSorted()).toEqual(['', 'Hello World', 'and an error']);
  });

  it('Kubelet when scheduling a read only busybox container should not write to root filesystem [LinuxOnly] [NodeConformance]', async () => {
    expect(await pods.output('read-only')).toContain('/file: Read-only file system');
  });

  it('Kubelet when scheduling an agnhost Pod with hostAliases should write entries to /etc/hosts [NodeConformance]', async () => {
    expect(await pods.output('aliased')).toMatch(/^123\.45\.67\.89\tfoo\tbar$/m);
  });

  it('KubeletManagedEtcHosts should test kubelet managed /etc/hosts file [NodeConformance]', async () => {
    const machines = await readFile(hosts, 'utf8');
    await Promise.all([pods.ready('hosts'), pods.ready('hosts-of-machine')]);
    expect(await kubectl`exec hosts -c kept -- cat ${hosts}`).toContain(managed);
    expect(await kubectl`exec hosts -c mounting -- cat ${hosts}`).toBe(machines);
    const own = await kubectl`exec hosts-of-machine -- cat ${hosts}`;
    expect(own).not.toContain(managed);
    expect(own).toContain(machines.trimEnd());
  });
});

const terminated = ({ status }: Pod) => status?.containerStatuses?.[0]?.state?.terminated;

describe('[sig-node] A container’s end', () => {
  it('Kubelet when scheduling a busybox command that always fails in a pod should have an terminated reason [NodeConformance]', async () => {
    const { status } = await pods.until('failing', (each) => (terminated(each) ?? each.status?.containerStatuses?.[0]?.lastState?.terminated) !== undefined);
    expect(status?.containerStatuses).toHaveLength(1);
    // Between two runs it waits, with the end of the last one beside.
    const { state, lastState } = status?.containerStatuses?.[0] ?? {};
    expect(state?.terminated ?? lastState?.terminated).toMatchObject({ reason: 'Error', exitCode: 1 });
  });

  it('Kubelet when scheduling a busybox command that always fails in a pod should be possible to delete [NodeConformance]', async () => {
    await kubectl`delete pod failing --wait=false`;
    await pods.gone('failing');
    expect(await kubectl.refused`get pod failing`).toContain('not found');
  });

  it.each([
    ['Container Runtime blackbox test on terminated container should report termination message if TerminationMessagePath is set as non-root user and at a non-default path [NodeConformance]', 'own-path', 'Succeeded', 'DONE'],
    ['Container Runtime blackbox test on terminated container should report termination message from log output if TerminationMessagePolicy FallbackToLogsOnError is set [NodeConformance]', 'failing-log', 'Failed', 'DONE'],
    ['Container Runtime blackbox test on terminated container should report termination message as empty when pod succeeds and TerminationMessagePolicy FallbackToLogsOnError is set [NodeConformance]', 'succeeding-log', 'Succeeded', undefined],
    ['Container Runtime blackbox test on terminated container should report termination message from file when pod succeeds and TerminationMessagePolicy FallbackToLogsOnError is set [NodeConformance]', 'succeeding-file', 'Succeeded', 'OK'],
  ])('%s', async (_title, name, phase, message) => {
    const ended = await pods.ended(name);
    expect(ended.status?.phase).toBe(phase);
    expect(terminated(ended)).toBeDefined();
    expect(terminated(ended)?.message).toBe(message);
  });

  it('Container Runtime blackbox test when starting a container that exits should run with the expected status [NodeConformance]', async () => {
    const neverAgain = await pods.ended('never');
    expect(neverAgain.status).toMatchObject({ phase: 'Failed', containerStatuses: [{ restartCount: 0, ready: false, state: { terminated: { exitCode: 1 } } }] });
    const onFailure = await pods.ended('on-failure');
    expect(onFailure.status).toMatchObject({ phase: 'Succeeded', containerStatuses: [{ restartCount: 1, ready: false, state: { terminated: { exitCode: 0 } } }] });
    // The second restart comes after the first wait, ten seconds.
    const always = await pods.until('always', ({ status }) => status?.containerStatuses?.[0]?.restartCount === 2 && status.containerStatuses[0].ready);
    expect(always.status).toMatchObject({ phase: 'Running', containerStatuses: [{ restartCount: 2, ready: true, state: { running: expect.anything() as unknown } }] });
    await kubectl`delete pod always on-failure never --wait=false`;
    await Promise.all(['always', 'on-failure', 'never'].map(pods.gone));
  });
});
