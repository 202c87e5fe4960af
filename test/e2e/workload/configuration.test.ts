import { beforeAll, describe, expect, it } from 'vitest';
import { webImage } from '../coracle.ts';
import { eventually } from '../eventually.ts';
import { pod, script } from '../manifests.ts';
import { useNamespace } from '../namespace.ts';

const namespace = 'configuration';
const kubectl = useNamespace(namespace);

const sleeping = script('exec sleep 1000');
const inside = (name: string, command: string) => kubectl`exec ${name} -- sh -c ${command}`;

async function ready(...pods: readonly ReturnType<typeof pod>[]): Promise<void> {
  await kubectl.apply(...pods);
  for (const { metadata: { name } } of pods) await kubectl`wait pod/${name} --for=condition=Ready --timeout=30s`;
}

beforeAll(async () => {
  await kubectl.apply(
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'colours' }, data: { FIRST: 'red', SECOND: 'green' } },
    { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'hidden' }, stringData: { password: 's3cret' } },
  );
});

const field = (fieldPath: string) => ({ valueFrom: { fieldRef: { fieldPath } } });

describe('environment variables', () => {
  it('come from values, ConfigMaps, Secrets, the pod itself and its resources', async () => {
    await ready(pod('told', { labels: { tier: 'front' }, annotations: { note: 'noted' }, container: {
      ...sleeping, resources: { requests: { cpu: '250m' }, limits: { memory: '64Mi' } },
      envFrom: [{ configMapRef: { name: 'colours' }, prefix: 'C_' }, { secretRef: { name: 'absent', optional: true } }],
      env: [
        { name: 'PLAIN', value: 'one' }, { name: 'BUILT', value: '$(PLAIN)-$$(PLAIN)-$(NONE)' },
        { name: 'KEYED', valueFrom: { configMapKeyRef: { name: 'colours', key: 'FIRST' } } }, { name: 'SECRET', valueFrom: { secretKeyRef: { name: 'hidden', key: 'password' } } },
        { name: 'NAME', ...field('metadata.name') }, { name: 'SPACE', ...field('metadata.namespace') }, { name: 'TIER', ...field("metadata.labels['tier']") },
        { name: 'NOTE', ...field("metadata.annotations['note']") }, { name: 'NODE', ...field('spec.nodeName') }, { name: 'IP', ...field('status.podIP') },
        { name: 'MEMORY', valueFrom: { resourceFieldRef: { resource: 'limits.memory' } } }, { name: 'CPU', valueFrom: { resourceFieldRef: { resource: 'requests.cpu', divisor: '1m' } } },
      ],
    } }));
    const text = await inside('told', 'env');
    const environment = new Map(text.trimEnd().split('\n').map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]));
    const [node, address] = (await kubectl`get pod told -o ${'jsonpath={.spec.nodeName} {.status.podIP}'}`).split(' ');
    expect(Object.fromEntries(environment)).toMatchObject({
      PLAIN: 'one', BUILT: 'one-$(PLAIN)-$(NONE)', C_FIRST: 'red', C_SECOND: 'green', KEYED: 'red', SECRET: 's3cret', NAME: 'told', SPACE: namespace,
      TIER: 'front', NOTE: 'noted', NODE: node, IP: address, MEMORY: String(64 * 1024 * 1024), CPU: '250', HOSTNAME: 'told', KUBERNETES_SERVICE_HOST: expect.any(String),
    });
  });

  it('are put into command and arguments', async () => {
    await kubectl.apply(pod('put', { spec: { restartPolicy: 'Never' }, container: { command: ['echo', '$(GREETING)'], args: ['$(WHO)', '$$(WHO)'], env: [{ name: 'GREETING', value: 'hello' }, { name: 'WHO', value: 'you' }] } }));
    await kubectl`wait pod/put --for=jsonpath={.status.phase}=Succeeded --timeout=30s`;
    expect(await kubectl`logs put`).toBe('hello you $(WHO)\n');
  });
});

describe('an env file', () => {
  const volumes = [{ name: 'made', emptyDir: {} }];
  const makes = (text: string) => [{ name: 'make', image: webImage, ...script(`printf '%b' "${text}" > /made/own.env`), volumeMounts: [{ name: 'made', mountPath: '/made' }] }];
  const from = (key: string, more: object = {}) => ({ name: key, valueFrom: { fileKeyRef: { volumeName: 'made', path: 'own.env', key, ...more } } });

  it('of an init container has variables for the others, which need not mount it', async () => {
    await ready(pod('env-file', {
      spec: { volumes: [{ name: 'made', emptyDir: { medium: 'Memory' } }], initContainers: makes("# made\\nADDRESS='one two'\\nLINES='a\\nb'\\n") },
      container: { ...sleeping, env: [from('ADDRESS'), from('LINES'), from('NONE', { optional: true }), { name: 'BUILT', value: '<$(ADDRESS)>' }] },
    }));
    expect(await inside('env-file', 'echo "$ADDRESS/$LINES/${NONE-unset}/$BUILT"; ls /made 2>&1 || true')).toMatch(/^one two\/a\nb\/unset\/<one two>\n.*No such file/);
  });

  it('that lacks a variable or has another syntax holds the container back', async () => {
    const spec = { volumes, initContainers: makes("GOOD='x'\\nBAD=x\\n") };
    await kubectl.apply(pod('env-lacking', { spec: { volumes, initContainers: makes("GOOD='x'\\n") }, container: { ...sleeping, env: [from('NONE')] } }), pod('env-faulty', { spec, container: { ...sleeping, env: [from('BAD')] } }));
    for (const [name, message] of [['env-lacking', 'environment variable key "NONE" not found in file'], ['env-faulty', "couldn't parse env file: value must be enclosed in single quotes at line 2"]] as const) {
      await kubectl`wait pod/${name} --for=jsonpath={.status.containerStatuses[0].state.waiting.reason}=CreateContainerConfigError --timeout=30s`;
      expect(await kubectl`get pod ${name} -o jsonpath={.status.containerStatuses[0].state.waiting.message}`).toBe(message);
    }
  });
});

describe('volumes', () => {
  it('show a ConfigMap’s and a Secret’s keys as files, and what changes in them later', async () => {
    await kubectl.apply({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'live' }, data: { key: 'before', other: 'same' } }, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'live' }, stringData: { key: 'before' } });
    await ready(pod('reads', {
      spec: { volumes: [{ name: 'config', configMap: { name: 'live' } }, { name: 'secret', secret: { secretName: 'live', defaultMode: 0o400 } }, { name: 'chosen', configMap: { name: 'live', items: [{ key: 'other', path: 'deep/er' }] } }] },
      container: { ...sleeping, volumeMounts: [{ name: 'config', mountPath: '/config' }, { name: 'secret', mountPath: '/secret', readOnly: true }, { name: 'chosen', mountPath: '/chosen' }, { name: 'config', mountPath: '/one', subPath: 'key' }] },
    }));
    expect(await inside('reads', 'cat /config/key /secret/key /one; ls /config; cat /chosen/deep/er')).toBe('beforebeforebeforekey\nother\nsame');
    expect(await inside('reads', 'stat -L -c %a /secret/key /config/key')).toBe('400\n644\n');
    expect((await kubectl.outcome`exec reads -- touch /config/new`).stderr).toContain('Read-only file system');
    await kubectl`patch configmap live --type=merge -p ${JSON.stringify({ data: { key: 'after', third: 'new' } })}`;
    await kubectl`patch secret live --type=merge -p ${JSON.stringify({ stringData: { key: 'after' } })}`;
    await eventually(async () => expect(await inside('reads', 'cat /config/key /secret/key /config/third')).toBe('afterafternew'));
    expect(await inside('reads', 'cat /one')).toBe('before');
  });

  it('share an emptyDir between containers, keep it over a restart, and have it in memory where asked', async () => {
    const mounts = { volumeMounts: [{ name: 'shared', mountPath: '/shared' }, { name: 'fast', mountPath: '/fast' }] };
    await ready(pod('shares', { spec: {
      volumes: [{ name: 'shared', emptyDir: {} }, { name: 'fast', emptyDir: { medium: 'Memory' } }],
      containers: [{ name: 'one', image: 'coracle.example/web:1', ...script('echo run >> /shared/runs; trap "exit 0" TERM; while true; do usleep 50000; done'), ...mounts }, { name: 'two', image: 'coracle.example/web:1', ...sleeping, ...mounts }],
    } }));
    expect(await kubectl`exec shares -c two -- cat /shared/runs`).toBe('run\n');
    expect(await kubectl`exec shares -c two -- sh -c ${"grep ' /fast ' /proc/mounts"}`).toMatch(/^tmpfs \/fast tmpfs /);
    await kubectl`exec shares -c one -- kill 1`;
    await kubectl`wait pod/shares --for=jsonpath=${"{.status.containerStatuses[?(@.name=='one')].restartCount}"}=1 --timeout=30s`;
    await eventually(async () => expect(await kubectl`exec shares -c two -- cat /shared/runs`).toBe('run\nrun\n'));
  });

  it('show the pod to itself, with labels that change', async () => {
    await ready(pod('looks', { labels: { tier: 'front' }, spec: { volumes: [{ name: 'self', downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }, { path: 'name', fieldRef: { fieldPath: 'metadata.name' } }] } }] },
      container: { ...sleeping, volumeMounts: [{ name: 'self', mountPath: '/self' }] } }));
    expect(await inside('looks', 'cat /self/name; echo; cat /self/labels')).toBe('looks\ntier="front"');
    await kubectl`label pod looks tier=back --overwrite`;
    await eventually(async () => expect(await inside('looks', 'cat /self/labels')).toBe('tier="back"'));
  });

  it('carry a token that the API takes for the pod’s service account', async () => {
    await ready(pod('speaks', { container: sleeping }), pod('mute', { spec: { automountServiceAccountToken: false }, container: sleeping }));
    const directory = '/var/run/secrets/kubernetes.io/serviceaccount';
    expect(await inside('speaks', `ls ${directory}; cat ${directory}/namespace`)).toBe(`ca.crt\nnamespace\ntoken\n${namespace}`);
    const token = await inside('speaks', `cat ${directory}/token`);
    const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token } };
    const answer = await kubectl.with({ input: JSON.stringify(review) })`create --validate=false -f - -o ${'jsonpath={.status.authenticated} {.status.user.username} {.status.user.extra}'}`;
    expect(answer).toMatch(new RegExp(`^true system:serviceaccount:${namespace}:default .*speaks`));
    expect((await kubectl.outcome`exec mute -- ls ${directory}`).code).not.toBe(0);
  });

  it('give files to the group that the security context names', async () => {
    await ready(pod('grouped', { spec: { securityContext: { runAsUser: 1000, fsGroup: 2000 }, volumes: [{ name: 'data', emptyDir: {} }, { name: 'config', configMap: { name: 'colours' } }] },
      container: { ...sleeping, volumeMounts: [{ name: 'data', mountPath: '/data' }, { name: 'config', mountPath: '/config' }] } }));
    expect(await inside('grouped', 'touch /data/mine; stat -c %g /data /data/mine; stat -L -c %g /config/FIRST; id -G')).toMatch(/^2000\n2000\n2000\n.*\b2000\b.*\n$/);
  });

  it('show a directory of the machine', async () => {
    await ready(pod('hosts', { spec: { volumes: [{ name: 'machine', hostPath: { path: '/etc', type: 'Directory' } }] }, container: { ...sleeping, volumeMounts: [{ name: 'machine', mountPath: '/machine', readOnly: true }] } }));
    expect(await inside('hosts', 'cat /machine/debian_version')).toMatch(/\S/);
    expect((await kubectl.outcome`exec hosts -- touch /machine/new`).stderr).toContain('Read-only file system');
  });

  it('name what is missing when they cannot be made', async () => {
    await kubectl.apply(pod('lacks', { spec: { volumes: [{ name: 'none', configMap: { name: 'nothing' } }] }, container: { volumeMounts: [{ name: 'none', mountPath: '/none' }] } }));
    await using events = kubectl.start`get events --watch --field-selector=involvedObject.name=lacks`;
    await events.until(/Warning\s+FailedMount\s+pod\/lacks\s+MountVolume\.SetUp failed for volume "none" : configmap "nothing" not found/);
    await kubectl`wait pod/lacks --for=jsonpath={.status.containerStatuses[0].state.waiting.reason}=ContainerCreating --timeout=10s`;
  });
});
