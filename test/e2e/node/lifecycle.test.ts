import { beforeAll, describe, expect, it } from 'vitest';
import type { Container, Pod } from '../../../machinery/kinds/core.ts';
import { webImage } from '../coracle.ts';
import { pod, script } from '../manifests.ts';
import { usePods } from './pods.ts';

/** What Kubernetes' conformance list demands of hooks and init containers; each title is an entry's. */
const pods = usePods('node-lifecycle');
const { kubectl } = pods;

type Lifecycle = NonNullable<Container['lifecycle']>;

/** Answers /cgi-bin/write by keeping the query, and /cgi-bin/read with all that it was told. */
const server = script([
  'mkdir -p /srv/cgi-bin', String.raw`printf '#!/bin/sh\necho "$QUERY_STRING" >> /srv/told\nprintf "\r\n\r\nheard"\n' > /srv/cgi-bin/write`,
  String.raw`printf '#!/bin/sh\nprintf "Content-Type: text/plain\r\n\r\n"\ncat /srv/told\n' > /srv/cgi-bin/read`, 'touch /srv/told', 'chmod +x /srv/cgi-bin/*', 'exec httpd -f -p 8080 -h /srv',
].join('; '));
let address = '';

const told = async (): Promise<string[]> => (await (await fetch(`http://${address}:8080/cgi-bin/read`, { signal: AbortSignal.timeout(5000) })).text()).trimEnd().split('\n');
const hooked = (name: string, lifecycle: Lifecycle) => pod(name, { container: { ...script('trap exit TERM; sleep 1000 & wait'), lifecycle } });
const execute = (message: string) => ({ exec: { command: ['wget', '-qO-', `http://${address}:8080/cgi-bin/write?${message}`] } });
const ask = (message: string) => ({ httpGet: { host: address, port: 8080, path: `/cgi-bin/write?${message}` } });

const init = (name: string, text: string): Container => ({ name, image: webImage, ...script(text) });
const initialised = (name: string, restartPolicy: string, first: string, main: string) => pod(name, {
  spec: { restartPolicy, initContainers: [init('init1', first), init('init2', 'true')] }, container: script(main),
});
const initStates = ({ status }: Pod) => status?.initContainerStatuses?.map(({ state }) => state?.terminated?.exitCode);
const condition = ({ status }: Pod, wanted: string) => status?.conditions?.find(({ type }) => type === wanted);
/** Whether no state of the pod that the API has told has it that a container of its own has run. */
const mainNeverRan = (name: string) => pods.states(name).every(({ status }) => status?.containerStatuses?.every(({ state, lastState, restartCount }) => (
  restartCount === 0 && state?.running === undefined && state?.terminated === undefined && lastState?.terminated === undefined)) ?? true);

beforeAll(async () => {
  await kubectl.apply(
    pod('server', { container: { ...server, readinessProbe: { httpGet: { port: 8080, path: '/cgi-bin/read' }, periodSeconds: 1 } } }),
    initialised('init-never', 'Never', 'true', 'true'), initialised('init-always', 'Always', 'true', 'exec sleep 1000'),
    initialised('init-fails', 'Never', 'false', 'true'), initialised('init-fails-always', 'Always', 'false', 'exec sleep 1000'),
  );
  address = (await pods.ready('server')).status?.podIP ?? '';
  await kubectl.apply(
    hooked('post-start-exec', { postStart: execute('post-start-exec') }), hooked('post-start-http', { postStart: ask('post-start-http') }),
    hooked('pre-stop-exec', { preStop: execute('pre-stop-exec') }), hooked('pre-stop-http', { preStop: ask('pre-stop-http') }), hooked('tester', { preStop: execute('pre-stop') }),
  );
});

describe('[sig-node] Lifecycle hooks', () => {
  it.each([
    ['Container Lifecycle Hook when create a pod with lifecycle hook should execute poststart exec hook properly [NodeConformance]', 'post-start-exec'],
    ['Container Lifecycle Hook when create a pod with lifecycle hook should execute poststart http hook properly [NodeConformance]', 'post-start-http'],
  ])('%s', async (_title, name) => {
    await pods.ready(name);
    expect(await told()).toContain(name);
  });

  it.each([
    ['Container Lifecycle Hook when create a pod with lifecycle hook should execute prestop exec hook properly [NodeConformance]', 'pre-stop-exec'],
    ['Container Lifecycle Hook when create a pod with lifecycle hook should execute prestop http hook properly [NodeConformance]', 'pre-stop-http'],
    ['PreStop should call prestop when killing a pod', 'tester'],
  ])('%s', async (_title, name) => {
    await pods.ready(name);
    const message = name === 'tester' ? 'pre-stop' : name;
    expect(await told()).not.toContain(message);
    await kubectl`delete pod ${name} --wait=false`;
    await pods.gone(name);
    expect(await told()).toContain(message);
  });
});

describe('[sig-node] Init containers', () => {
  it('InitContainer [NodeConformance] should invoke init containers on a RestartNever pod', async () => {
    const ended = await pods.ended('init-never');
    expect(ended.status?.phase).toBe('Succeeded');
    expect(condition(ended, 'Initialized')?.status).toBe('True');
    expect(initStates(ended)).toEqual([0, 0]);
    expect(ended.status?.containerStatuses).toMatchObject([{ restartCount: 0, state: { terminated: { exitCode: 0 } } }]);
  });

  it('InitContainer [NodeConformance] should invoke init containers on a RestartAlways pod', async () => {
    const ready = await pods.ready('init-always');
    expect(ready.status?.phase).toBe('Running');
    expect(condition(ready, 'Initialized')?.status).toBe('True');
    expect(initStates(ready)).toEqual([0, 0]);
    expect(ready.status?.containerStatuses).toMatchObject([{ state: { running: expect.anything() as unknown } }]);
  });

  it('InitContainer [NodeConformance] should not start app containers and fail the pod if init containers fail on a RestartNever pod', async () => {
    const ended = await pods.ended('init-fails');
    expect(ended.status?.phase).toBe('Failed');
    expect(condition(ended, 'Initialized')).toMatchObject({ status: 'False', reason: 'ContainersNotInitialized' });
    expect(ended.status?.initContainerStatuses).toMatchObject([{ ready: false, state: { terminated: { exitCode: 1 } } }, { ready: false, state: { waiting: { reason: 'PodInitializing' } } }]);
    expect(mainNeverRan('init-fails')).toBe(true);
  });

  it('InitContainer [NodeConformance] should not start app containers if init containers fail on a RestartAlways pod', async () => {
    // The first restart comes at once, the second after ten seconds, the third after twenty more.
    const restarts = process.env['CI'] === 'true' ? 3 : 1;
    const failed = await pods.until('init-fails-always', ({ status }) => (status?.initContainerStatuses?.[0]?.restartCount ?? 0) >= restarts, 50_000);
    expect(failed.status?.phase).toBe('Pending');
    expect(condition(failed, 'Initialized')).toMatchObject({ status: 'False', reason: 'ContainersNotInitialized', message: 'containers with incomplete status: [init1 init2]' });
    expect(failed.status?.initContainerStatuses?.[1]?.state).toMatchObject({ waiting: { reason: 'PodInitializing' } });
    expect(mainNeverRan('init-fails-always')).toBe(true);
  });
});
