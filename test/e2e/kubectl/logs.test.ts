import { beforeAll, describe, expect, it } from 'vitest';
import { deployment, pod, script } from '../manifests.ts';
import { useNamespace } from '../namespace.ts';

const kubectl = useNamespace('kubectl-logs');

describe('kubectl logs', () => {
  beforeAll(async () => {
    await kubectl.apply(
      pod('counted', { container: script('for i in $(seq 1 200); do echo line $i; done; echo to stderr >&2; exec sleep 1000') }),
      pod('talking', { container: script('i=0; while true; do i=$((i+1)); echo beat $i; usleep 200000; done') }),
      pod('crashing', { spec: { volumes: [{ name: 'runs', emptyDir: {} }] }, container: {
        ...script('echo run $(cat /runs/n 2>/dev/null | wc -l); echo x >> /runs/n; [ $(wc -l < /runs/n) -gt 1 ] && exec sleep 1000; exit 3'),
        volumeMounts: [{ name: 'runs', mountPath: '/runs' }],
      } }),
      pod('pair', { spec: { containers: ['one', 'two'].map((name) => ({ name, image: 'coracle.example/web:1', ...script(`echo from ${name}; exec sleep 1000`) })) } }),
    );
    await kubectl`wait pod/counted pod/talking pod/pair --for=condition=Ready --timeout=30s`;
  });

  it('prints all that a container wrote, both streams in order', async () => {
    const lines = (await kubectl`logs counted`).split('\n');
    expect(lines.slice(0, 2)).toEqual(['line 1', 'line 2']);
    expect(lines.slice(-3)).toEqual(['line 200', 'to stderr', '']);
  });

  it('cuts with --tail, --limit-bytes and --since', async () => {
    expect(await kubectl`logs counted --tail=2`).toBe('line 200\nto stderr\n');
    expect(await kubectl`logs counted --tail=0`).toBe('');
    expect(await kubectl`logs counted --limit-bytes=6`).toBe('line 1');
    expect(await kubectl`logs counted --since=1h --tail=1`).toBe('to stderr\n');
    const last = (await kubectl`logs counted --timestamps --tail=1`).split(' ')[0] ?? '';
    expect(last).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+(Z|[+-]\d\d:\d\d)$/);
    const later = new Date(Date.parse(last) + 2000).toISOString();
    expect(await kubectl`logs counted --since-time=${later}`).toBe('');
    const recent = (await kubectl`logs talking --since=1s`).trimEnd().split('\n');
    expect(recent.length).toBeLessThan((await kubectl`logs talking`).trimEnd().split('\n').length + 1);
    expect(recent[0]).toMatch(/^beat \d+$/);
  });

  it('follows with -f until the container ends', async () => {
    await using following = kubectl.start`logs -f talking --tail=1`;
    const [, first] = await following.until(/^beat (\d+)$/m);
    const [, second] = await following.until(/^beat (\d+)$/m);
    expect(Number(second)).toBe(Number(first) + 1);
    await kubectl`delete pod talking --grace-period=1 --wait=false`;
    expect((await following.ended).code).toBe(0);
  });

  it('prints the last run with --previous', async () => {
    await kubectl`wait pod/crashing --for=jsonpath={.status.containerStatuses[0].restartCount}=1 --timeout=40s`;
    await kubectl`wait pod/crashing --for=jsonpath={.status.containerStatuses[0].ready}=true --timeout=40s`;
    expect(await kubectl`logs crashing --previous`).toBe('run 0\n');
    await using log = kubectl.start`logs -f crashing`;
    await log.until(/^run 1$/m);
    expect(await kubectl.refused`logs counted --previous`).toContain('previous terminated container "main" in pod "counted" not found');
  });

  it('chooses a container, or prints all with their names', async () => {
    expect(await kubectl`logs pair -c two`).toBe('from two\n');
    const all = await kubectl`logs pair --all-containers --prefix`;
    expect(all).toContain('[pod/pair/one] from one\n');
    expect(all).toContain('[pod/pair/two] from two\n');
    expect(await kubectl.refused`logs pair -c three`).toContain('container three is not valid for pod pair');
  });

  it('finds the pods of a deployment and of a selector', async () => {
    await kubectl.apply(deployment('many', { replicas: 2, container: script('echo I am here; exec sleep 1000') }));
    await kubectl`rollout status deployment/many --timeout=30s`;
    expect(await kubectl`logs deployment/many`).toBe('I am here\n');
    expect(await kubectl`logs -l app=many --prefix=false`).toBe('I am here\nI am here\n');
  });

  it('says why there is nothing to show', async () => {
    await kubectl.apply(pod('waiting', { container: { image: 'coracle.example/absent:1', imagePullPolicy: 'Never' } }));
    await kubectl`wait pod/waiting --for=jsonpath={.status.containerStatuses[0].state.waiting.reason}=ErrImageNeverPull --timeout=30s`;
    expect(await kubectl.refused`logs waiting`).toContain('container "main" in pod "waiting" is waiting to start');
    expect(await kubectl.refused`logs nobody`).toContain('pods "nobody" not found');
  });
});
