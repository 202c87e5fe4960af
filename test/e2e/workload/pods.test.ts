import { describe, expect, it } from 'vitest';
import type { Pod } from '../../../machinery/kinds/core.ts';
import { webImage } from '../coracle.ts';
import { eventually } from '../eventually.ts';
import { pod, script } from '../manifests.ts';
import { useNamespace } from '../namespace.ts';

const kubectl = useNamespace('pods');

const statusOf = async (name: string) => (await kubectl.object<Pod>`get pod ${name} -o json`).status;
const phase = (name: string, value: string) => kubectl`wait pod/${name} --for=jsonpath={.status.phase}=${value} --timeout=30s`;
const restarts = (name: string, count: number) => kubectl`wait pod/${name} --for=jsonpath={.status.containerStatuses[0].restartCount}=${String(count)} --timeout=40s`;
const container = (name: string, text: string) => ({ name, image: webImage, ...script(text) });

describe('a pod’s restart policy', () => {
  it('Never: ends Succeeded or Failed with the exit code', async () => {
    await kubectl.apply(pod('good', { spec: { restartPolicy: 'Never' }, container: script('exit 0') }), pod('bad', { spec: { restartPolicy: 'Never' }, container: script('exit 3') }));
    await phase('good', 'Succeeded');
    await phase('bad', 'Failed');
    expect((await statusOf('good'))?.containerStatuses?.[0]?.state?.terminated).toMatchObject({ exitCode: 0, reason: 'Completed' });
    expect((await statusOf('bad'))?.containerStatuses?.[0]?.state?.terminated).toMatchObject({ exitCode: 3, reason: 'Error' });
    expect(await kubectl`get pods good bad --no-headers`).toMatch(/^good .* Completed .*\nbad .* Error /m);
  });

  it('OnFailure: is restarted until it succeeds', async () => {
    await kubectl.apply(pod('tries', {
      spec: { restartPolicy: 'OnFailure', volumes: [{ name: 'runs', emptyDir: {} }] },
      container: { ...script('[ -e /runs/first ] && exit 0; touch /runs/first; exit 1'), volumeMounts: [{ name: 'runs', mountPath: '/runs' }] },
    }));
    await phase('tries', 'Succeeded');
    expect((await statusOf('tries'))?.containerStatuses?.[0]).toMatchObject({ restartCount: 1, lastState: { terminated: { exitCode: 1 } } });
  });

  it('Always: is restarted even when it succeeds, and backs off', async () => {
    await kubectl.apply(pod('always', { container: script('exit 0') }));
    await restarts('always', 1);
    await kubectl`wait pod/always --for=jsonpath={.status.containerStatuses[0].state.waiting.reason}=CrashLoopBackOff --timeout=30s`;
    expect((await statusOf('always'))?.containerStatuses?.[0]?.state?.waiting?.message).toMatch(/^back-off \d+s restarting failed container=main pod=always_pods\(/);
    expect((await statusOf('always'))?.phase).toBe('Running');
  });
});

describe('a container’s own restart policy', () => {
  it('wins over the pod’s, and its rules look at the exit code first', async () => {
    const runs = [{ name: 'runs', mountPath: '/runs' }];
    await kubectl.apply(
      pod('own', { spec: {
        restartPolicy: 'OnFailure', volumes: [{ name: 'runs', emptyDir: {} }],
        containers: [
          { ...container('once', 'exit 1'), restartPolicy: 'Never' },
          {
            ...container('rules', 'echo run >> /runs/count; exit $(cat /runs/count | wc -l)'), volumeMounts: runs, restartPolicy: 'Never',
            restartPolicyRules: [{ action: 'Restart', exitCodes: { operator: 'In', values: [1] } }],
          },
        ],
      } }),
      pod('own-init', { spec: { initContainers: [{ ...container('first', 'exit 1'), restartPolicy: 'Never' }] } }),
    );
    await phase('own', 'Failed');
    expect((await statusOf('own'))?.containerStatuses?.map(({ name, restartCount, state }) => [name, restartCount, state?.terminated?.exitCode])).toEqual([['once', 0, 1], ['rules', 1, 2]]);
    await phase('own-init', 'Failed');
  });

  it('can have all containers begin anew, in the same pod', async () => {
    const log = [{ name: 'log', mountPath: '/log' }];
    await kubectl.apply(pod('anew', { spec: {
      restartPolicy: 'Never', terminationGracePeriodSeconds: 600, volumes: [{ name: 'log', emptyDir: {} }],
      initContainers: [
        { ...container('prepare', 'echo prepare >> /log/order'), volumeMounts: log },
        {
          ...container('watch', 'echo watch >> /log/order; until [ -e /log/ask ]; do sleep 0.1; done; rm /log/ask; exit 88'), volumeMounts: log, restartPolicy: 'Always',
          restartPolicyRules: [{ action: 'RestartAllContainers', exitCodes: { operator: 'In', values: [88] } }],
        },
      ],
      containers: [
        { ...container('main', "trap '' TERM; echo main >> /log/order; while :; do sleep 0.1; done"), volumeMounts: log, lifecycle: { preStop: { exec: { command: ['touch', '/log/hook'] } } } },
        container('done', 'exit 0'),
      ],
    } }));
    await kubectl`wait pod/anew --for=jsonpath={.status.containerStatuses[0].state.running} --timeout=30s`;
    const before = await statusOf('anew');
    expect(before?.conditions?.find(({ type }) => type === 'AllContainersRestarting')?.status).toBe('False');
    await kubectl`exec anew -c main -- touch /log/ask`;
    await kubectl`wait pod/anew --for=jsonpath={.status.containerStatuses[0].restartCount}=1 --timeout=30s`;
    await kubectl`wait pod/anew --for=jsonpath={.status.containerStatuses[0].state.running} --timeout=30s`;
    await kubectl`wait pod/anew --for=jsonpath={.status.containerStatuses[1].state.terminated.exitCode}=0 --timeout=30s`;
    const after = await statusOf('anew');
    expect(await kubectl`exec anew -c main -- cat /log/order`).toBe('prepare\nwatch\nmain\n'.repeat(2));
    expect(await kubectl`exec anew -c main -- ls /log`).toBe('order\n');
    expect(after?.podIP).toBe(before?.podIP);
    const lastState = { terminated: { exitCode: 137, reason: 'RestartingAllContainers' } };
    expect([...after?.initContainerStatuses ?? [], ...after?.containerStatuses ?? []]).toMatchObject(Array.from({ length: 4 }, () => ({ restartCount: 1, lastState })));
    expect(after).toMatchObject({ phase: 'Running', initContainerStatuses: [{ state: { terminated: { exitCode: 0 } } }, { state: { running: {} } }] });
    await kubectl`delete pod anew --grace-period=0 --force`;
  });
});

describe('init containers', () => {
  it('run in order, each to its end, before the others start', async () => {
    const log = [{ name: 'log', mountPath: '/log' }];
    await kubectl.apply(pod('prepared', {
      spec: { volumes: [{ name: 'log', emptyDir: {} }], initContainers: ['one', 'two'].map((name) => ({ ...container(name, `echo ${name} >> /log/order`), volumeMounts: log })) },
      container: { ...script('echo main >> /log/order; exec sleep 1000'), volumeMounts: log },
    }));
    await kubectl`wait pod/prepared --for=condition=Ready --timeout=30s`;
    expect(await kubectl`exec prepared -- cat /log/order`).toBe('one\ntwo\nmain\n');
    const { initContainerStatuses, conditions } = (await statusOf('prepared')) ?? {};
    expect(initContainerStatuses?.map(({ state }) => state?.terminated?.reason)).toEqual(['Completed', 'Completed']);
    expect(conditions?.find(({ type }) => type === 'Initialized')?.status).toBe('True');
  });

  it('hold the pod back while they fail', async () => {
    await kubectl.apply(pod('unprepared', { spec: { restartPolicy: 'Never', initContainers: [container('first', 'exit 2'), container('second', 'exit 0')] } }));
    await phase('unprepared', 'Failed');
    const status = await statusOf('unprepared');
    expect(status?.initContainerStatuses?.[0]?.state?.terminated?.exitCode).toBe(2);
    expect(status?.containerStatuses?.[0]?.state?.waiting?.reason).toBe('PodInitializing');
    expect(await kubectl`get pod unprepared`).toContain('Init:Error');
  });

  it('go on running beside the others when they are sidecars', async () => {
    await kubectl.apply(pod('accompanied', {
      spec: { restartPolicy: 'Never', initContainers: [{ ...container('side', 'echo side; exec sleep 1000'), restartPolicy: 'Always' }] }, container: script('exit 0'),
    }));
    await phase('accompanied', 'Succeeded');
    expect(await kubectl`logs accompanied -c side`).toBe('side\n');
  });
});

describe('lifecycle hooks', () => {
  it('postStart runs before the pod is ready, preStop before the container is told to end', async () => {
    await kubectl.apply(pod('hooked', {
      spec: { terminationGracePeriodSeconds: 5 },
      container: {
        ...script("trap 'echo told; exit 0' TERM; echo started; while true; do usleep 50000; done"),
        lifecycle: { postStart: { exec: { command: ['sh', '-c', 'echo after start > /tmp/hook'] } }, preStop: { exec: { command: ['sh', '-c', 'echo before stop > /proc/1/fd/1'] } } },
      },
    }));
    await kubectl`wait pod/hooked --for=condition=Ready --timeout=30s`;
    expect(await kubectl`exec hooked -- cat /tmp/hook`).toBe('after start\n');
    await using logs = kubectl.start`logs -f hooked`;
    await logs.until(/started/);
    await kubectl`delete pod hooked --wait=false`;
    await logs.until(/before stop\n(.*\n)*told/);
  });

  it('kills the container whose postStart fails, and says why', async () => {
    await kubectl.apply(pod('unhooked', { spec: { restartPolicy: 'Never' }, container: { ...script('exec sleep 1000'), lifecycle: { postStart: { exec: { command: ['false'] } } } } }));
    await phase('unhooked', 'Failed');
    await eventually(async () => expect(await kubectl`get events --field-selector=involvedObject.name=unhooked,reason=FailedPostStartHook -o name`).toMatch(/^event\//));
  });
});

describe('probes', () => {
  it('restart a container that is not alive any more', async () => {
    await kubectl.apply(pod('dying', { container: { ...script('touch /tmp/alive; exec sleep 1000'), livenessProbe: { exec: { command: ['test', '-e', '/tmp/alive'] }, periodSeconds: 1, failureThreshold: 1 } } }));
    await kubectl`wait pod/dying --for=condition=Ready --timeout=30s`;
    await kubectl`exec dying -- rm /tmp/alive`;
    await restarts('dying', 1);
    await eventually(async () => {
      const text = await kubectl`describe pod dying`;
      expect(text).toMatch(/Warning\s+Unhealthy\s.*Liveness probe failed/);
      expect(text).toMatch(/Normal\s+Killing\s.*Container main failed liveness probe, will be restarted/);
    });
  });

  it('ask over HTTP and TCP, and hold the others back until startup has succeeded', async () => {
    await kubectl.apply(pod('asked', { container: {
      startupProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1 }, readinessProbe: { httpGet: { path: '/cgi-bin/hello', port: 8080 }, periodSeconds: 1 },
    } }), pod('unasked', { container: { readinessProbe: { httpGet: { path: '/none', port: 8080 }, periodSeconds: 1 } } }));
    await kubectl`wait pod/asked --for=condition=Ready --timeout=30s`;
    await using events = kubectl.start`get events --watch --field-selector=involvedObject.name=unasked`;
    await events.until(/Warning\s+Unhealthy\s.*Readiness probe failed: HTTP probe failed with statuscode: 404/);
    expect((await statusOf('unasked'))?.containerStatuses?.[0]?.ready).toBe(false);
  });
});
