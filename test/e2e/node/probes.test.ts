import type { ServerHttp2Stream } from 'node:http2';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Container, Pod, PodSpec, Probe } from '../../../machinery/kinds/core.ts';
import { readyCondition } from '../../../machinery/pod/readiness.ts';
import { eventually } from '../eventually.ts';
import { pod, script } from '../manifests.ts';
import { usePods } from './pods.ts';

/**
 * What Kubernetes' conformance list demands of probes; each title is an entry's. All pods are made at once: those that must not be
 * restarted are looked at when those that fail by the same times have been, which in CI is minutes later.
 */
const pods = usePods('node-probes');
const { kubectl } = pods;

const isThorough = process.env['CI'] === 'true';
/** When what is probed begins to fail, and when the late readiness probe begins. */
const failsAfterSeconds = isThorough ? 10 : 2;
const delaySeconds = isThorough ? 15 : 3;

/** One failure counts, but a slow machine's is none. */
const often = { periodSeconds: 1, timeoutSeconds: 30, failureThreshold: 1 };
const grpcPort = 5000;

/** Alive by one probe, once it has started by another. */
function alive(name: string, livenessProbe: Probe, started: Probe, container: Partial<Container>, spec: Partial<PodSpec> = {}) {
  return pod(name, { spec, container: { ...container, livenessProbe: { ...often, ...livenessProbe }, startupProbe: { ...often, ...started, failureThreshold: 300 } } });
}

const healthFile: Probe = { exec: { command: ['cat', '/tmp/health'] } };
const onPort = (port: number): Probe => ({ tcpSocket: { port } });
const atHealthz: Probe = { httpGet: { path: '/healthz', port: 8080 } };
/** Tells the container that probing begins. */
const begun: Probe = { exec: { command: ['touch', '/tmp/begun'] } };
/** Removes a file some time after probing has begun. */
const later = (file: string): string => `until [ -e /tmp/begun ]; do usleep 50000; done; sleep ${failsAfterSeconds}; rm ${file}; exec sleep 1000`;
/** Answers /healthz for a while, then with an error; whatever it answers, its port stays open. */
const failing = script(`mkdir /srv; echo ok > /srv/healthz; httpd -p 8080 -h /srv; ${later('/srv/healthz')}`);

/** The gRPC health protocol: always SERVING. */
function serveHealth(port: number): void {
  process.getBuiltinModule('node:http2').createServer().on('stream', (stream: ServerHttp2Stream) => {
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.resume().end(Buffer.from([0, 0, 0, 0, 2, 0x08, 1]));
  }).listen(port);
}

const libraries = '/usr/lib';
const loaders: Partial<Record<string, string>> = { x64: `${libraries}/x86_64-linux-gnu/ld-linux-x86-64.so.2`, arm64: `${libraries}/aarch64-linux-gnu/ld-linux-aarch64.so.1` };

/** No program of the example image speaks gRPC: this machine's Node does, with its libraries. */
function servingGrpc(name: string, port: number) {
  const volumes = [{ name: 'node', hostPath: { path: process.execPath, type: 'File' } }, { name: 'libraries', hostPath: { path: libraries, type: 'Directory' } }];
  const volumeMounts = [{ name: 'node', mountPath: '/node', readOnly: true }, { name: 'libraries', mountPath: libraries, readOnly: true }];
  const command = [loaders[process.arch] ?? '', '/node', '-e', `(${serveHealth.toString()})(${grpcPort})`];
  return alive(name, { grpc: { port } }, onPort(grpcPort), { command, volumeMounts }, { volumes });
}

const restartCount = ({ status }: Pod) => status?.containerStatuses?.[0]?.restartCount ?? 0;

beforeAll(async () => {
  await kubectl.apply(
    alive('exec-fails', healthFile, begun, script(`echo ok > /tmp/health; ${later('/tmp/health')}`)),
    alive('http-fails', atHealthz, begun, failing),
    servingGrpc('grpc-fails', grpcPort + 1),
    alive('exec-lives', healthFile, healthFile, script('echo ok > /tmp/health; exec sleep 1000')),
    alive('http-lives', { httpGet: { path: '/', port: 8080 } }, onPort(8080), {}),
    alive('tcp-lives', onPort(8080), begun, failing),
    servingGrpc('grpc-lives', grpcPort),
    pod('late', { container: { readinessProbe: { ...often, httpGet: { path: '/', port: 8080 }, initialDelaySeconds: delaySeconds } } }),
    pod('never-ready', { container: { readinessProbe: { ...often, exec: { command: ['sh', '-c', 'echo asked >> /tmp/asked; exit 1'] } } } }),
  );
});

describe('[sig-node] A container whose liveness probe fails', () => {
  it.each([
    ['Probing container should be restarted with a exec "cat /tmp/health" liveness probe [NodeConformance]', 'exec-fails'],
    ['Probing container should be restarted with a /healthz http liveness probe [NodeConformance]', 'http-fails'],
    ['Probing container should be restarted with a GRPC liveness probe [NodeConformance]', 'grpc-fails'],
  ])('%s', async (_title, name) => {
    await pods.until(name, (each) => restartCount(each) > 0);
    expect(pods.states(name).map(restartCount)).toContain(1);
  });

  describe('through five restarts, which take 200 seconds: in CI only', () => {
    // The waits before the second to the fifth restart are 10, 20, 40 and 80 seconds.
    it.runIf(isThorough)('Probing container should have monotonically increasing restart count [NodeConformance]', async () => {
      await pods.until('http-fails', (each) => restartCount(each) >= 5, 390_000);
      const counts = pods.states('http-fails').map(restartCount);
      expect([...new Set(counts)].slice(0, 6)).toEqual([0, 1, 2, 3, 4, 5]);
      expect(counts).toEqual(counts.toSorted((one, other) => one - other));
    }, 400_000);
  });
});

describe('[sig-node] A container whose liveness probe does not fail', () => {
  it.each([
    ['Probing container should *not* be restarted with a exec "cat /tmp/health" liveness probe [NodeConformance]', 'exec-lives'],
    ['Probing container should *not* be restarted with a /healthz http liveness probe [NodeConformance]', 'http-lives'],
    ['Probing container should *not* be restarted with a GRPC liveness probe [NodeConformance]', 'grpc-lives'],
  ])('%s', async (_title, name) => {
    expect(restartCount(await pods.ready(name))).toBe(0);
    expect(await kubectl`get events --field-selector=involvedObject.name=${name},reason=Killing -o name`).toBe('');
  });

  it('Probing container should *not* be restarted with a tcp:8080 liveness probe [NodeConformance]', async () => {
    const { status } = await pods.ready('tcp-lives');
    const answer = () => fetch(`http://${status?.podIP ?? ''}:8080/healthz`, { signal: AbortSignal.timeout(5000) });
    await eventually(async () => expect((await answer()).status).toBe(404));
    expect(restartCount(await pods.ready('tcp-lives'))).toBe(0);
  });
});

describe('[sig-node] A readiness probe', () => {
  it('Probing container with readiness probe should not be ready before initial delay and never restart [NodeConformance]', async () => {
    const ready = await pods.ready('late');
    const startedAt = Date.parse(ready.status?.containerStatuses?.[0]?.state?.running?.startedAt ?? '');
    expect(Date.parse(readyCondition(ready)?.lastTransitionTime ?? '') - startedAt).toBeGreaterThanOrEqual(delaySeconds * 1000);
    expect(restartCount(ready)).toBe(0);
  });

  it('Probing container with readiness probe that fails should never be ready and never restart [NodeConformance]', async () => {
    await eventually(async () => expect((await kubectl`exec never-ready -- cat /tmp/asked`).split('\n').length).toBeGreaterThan(3));
    const told = pods.states('never-ready').map((each) => `${readyCondition(each)?.status ?? 'False'} ${restartCount(each)}`);
    expect(new Set(told)).toEqual(new Set(['False 0']));
  });
});
