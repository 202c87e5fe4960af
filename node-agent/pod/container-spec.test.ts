import { describe, expect, it } from 'vitest';
import type { Container, Pod } from '../../machinery/kinds/core.ts';
import { ConfigError } from '../environment.ts';
import { containerSpec, type ContainerParts } from './container-spec.ts';
import { capabilitiesOf, keptProjects, oomScoreAdjOf, securityOf } from './security.ts';

const pod: Pod = {
  metadata: { name: 'web', namespace: 'ns', uid: 'u' },
  spec: { containers: [], volumes: [{ name: 'data', emptyDir: {} }, { name: 'settings', configMap: { name: 's' } }, { name: 'tools', image: { reference: 'tools:1' } }] },
};
const security = { uid: 0, gid: 0, groups: [], capabilities: [], noNewPrivileges: false, privileged: false, oomScoreAdj: 0 };
const parts: ContainerParts = {
  id: 'x', layers: ['/layer'], image: { diffIds: [], env: ['PATH=/bin', 'A=image', 'B=image'], entrypoint: ['/entry'], command: ['default'], workingDir: '/srv', user: '' },
  environment: new Map([['B', 'pod'], ['WHO', 'world']]), hostname: 'web', home: '/home/app', security, volumePath: (name) => (name === 'none' ? undefined : `/volumes/${name}`), imageLayers: (name) => (name === 'tools' ? ['/low', '/high'] : undefined),
  files: new Map([['/etc/hosts', '/files/hosts'], ['/etc/resolv.conf', '/files/resolv.conf']]), logPath: '/log', resources: { pidsLimit: 100 }, recursiveReadOnly: true,
};
const specOf = (container: Partial<Container>): ReturnType<typeof containerSpec> => containerSpec(pod, { name: 'c', ...container }, parts);

describe('a container as the runtime gets it', () => {
  it.each<[string, Partial<Container>, readonly string[]]>([
    ['the image\'s own', {}, ['/entry', 'default']],
    ['its arguments', { args: ['hello', '$(WHO)', '$$(WHO)'] }, ['/entry', 'hello', 'world', '$(WHO)']],
    ['its command, without the image\'s arguments', { command: ['run'] }, ['run']],
    ['its command and arguments', { command: ['run'], args: ['$(NO)'] }, ['run', '$(NO)']],
  ])('has the command line: %s', (_name, container, args) => {
    expect(specOf(container).args).toEqual(args);
  });

  const readOnly = { name: 'data', mountPath: '/x', readOnly: true } as const;
  it.each<[string, NonNullable<Container['volumeMounts']>[number], boolean | undefined, boolean | undefined]>([
    ['when it must be', { ...readOnly, recursiveReadOnly: 'Enabled' }, true, undefined],
    ['when it may be and can', { ...readOnly, recursiveReadOnly: 'IfPossible' }, true, undefined],
    ['not when it may not be', { ...readOnly, recursiveReadOnly: 'Disabled' }, undefined, undefined],
    ['not unless it is asked for', readOnly, undefined, undefined],
  ])('has a mount read-only with all below it %s, and nothing where its supervisor can\'t', (_name, mount, possible, impossible) => {
    const ask = (recursiveReadOnly: boolean) => containerSpec(pod, { name: 'c', volumeMounts: [mount] }, { ...parts, recursiveReadOnly }).mounts.find(({ target }) => target === '/x')?.recursiveReadOnly;
    expect(ask(true)).toBe(possible);
    if (mount.recursiveReadOnly === 'Enabled') expect(() => ask(false)).toThrow('volume "data" requested recursive read-only mode, but it is not supported by the runtime');
    else expect(ask(false)).toBe(impossible);
  });

  it.each([['1Gi', 2 ** 30], ['0', undefined], [undefined, undefined]])('may hold as much in its writable layer as its limit says: %s', (limit, bytes) => {
    expect(specOf({ resources: { limits: limit === undefined ? {} : { 'ephemeral-storage': limit } } }).diskLimitBytes).toBe(bytes);
  });

  it('has the image\'s environment beneath the pod\'s', () => {
    expect(specOf({ tty: true }).env).toEqual(['PATH=/bin', 'HOSTNAME=web', 'TERM=xterm', 'A=image', 'B=pod', 'WHO=world', 'HOME=/home/app']);
  });

  it.each<[string, readonly [string, string], string]>([['leaves', ['HOME', '/srv'], 'HOME=/srv'], ['fills in an empty', ['HOME', ''], 'HOME=/home/app']])('%s HOME that the pod sets', (_name, variable, home) => {
    expect(containerSpec(pod, { name: 'c' }, { ...parts, environment: new Map([variable]) }).env).toContain(home);
  });

  it('has images as volumes that are read only', () => {
    expect(specOf({ volumeMounts: [{ name: 'tools', mountPath: '/opt', subPath: 'bin', readOnly: false, mountPropagation: 'HostToContainer' }] }).mounts.filter(({ type }) => type === 'image')).toEqual([
      { type: 'image', source: 'tools:1', layers: ['/low', '/high'], subPath: 'bin', target: '/opt', readOnly: true, propagation: 'private' },
    ]);
  });

  it('has its volumes, outer ones first, and the pod\'s files where no volume is', () => {
    const { mounts } = specOf({
      volumeMounts: [
        { name: 'data', mountPath: '/srv/data/inner', subPath: 'sub' }, { name: 'settings', mountPath: '/srv/data' }, { name: 'data', mountPath: '/etc/hosts', readOnly: true },
        { name: 'data', mountPath: '/x', subPathExpr: '$(WHO)/y', mountPropagation: 'HostToContainer' },
      ],
    });
    expect(mounts.map((each) => [`${each.source}:${each.subPath ?? ''}`, each.target, each.readOnly, each.propagation])).toEqual([
      ['/volumes/data:world/y', '/x', false, 'slave'], ['/files/resolv.conf:', '/etc/resolv.conf', false, 'private'], ['/volumes/settings:', '/srv/data', true, 'private'],
      ['/volumes/data:', '/etc/hosts', true, 'private'], ['/volumes/data:sub', '/srv/data/inner', false, 'private'],
    ]);
  });

  it.each<[string, Partial<Container>]>([
    ['a volume that is not there', { volumeMounts: [{ name: 'none', mountPath: '/x' }] }], ['a subPath that leads out', { volumeMounts: [{ name: 'data', mountPath: '/x', subPath: '../y' }] }],
    ['a subPath of an unknown variable', { volumeMounts: [{ name: 'data', mountPath: '/x', subPathExpr: '$(NO)' }] }],
  ])('refuses %s', (_name, container) => {
    expect(() => specOf(container)).toThrow(ConfigError);
  });

  it('hides nothing of /proc from a privileged one', () => {
    expect(specOf({ securityContext: { privileged: true } }).maskedPaths).toEqual([]);
    expect(specOf({}).maskedPaths).toContain('/proc/kcore');
  });
});

describe('what a container may do', () => {
  it.each<[string, NonNullable<Container['securityContext']>, number, string]>([
    ['the defaults', {}, 14, 'CAP_CHOWN'], ['one more', { capabilities: { add: ['net_admin'] } }, 15, 'CAP_NET_ADMIN'], ['only one', { capabilities: { drop: ['ALL'], add: ['CAP_KILL'] } }, 1, 'CAP_KILL'],
    ['everything', { privileged: true }, 41, 'CAP_SYS_ADMIN'], ['all but one', { capabilities: { add: ['ALL'], drop: ['CHOWN'] } }, 40, 'CAP_BPF'],
  ])('%s', (_name, securityContext, count, including) => {
    const capabilities = capabilitiesOf({ name: 'c', securityContext });
    expect([capabilities.length, capabilities.includes(including)]).toEqual([count, true]);
  });

  it('leaves alone the projects by which others are limited, and its own where it has such', () => {
    const limited: Pod = { spec: { containers: [{ name: 'c' }], volumes: [{ name: 'v', emptyDir: { sizeLimit: '1Gi' } }] } };
    const free: Pod = { spec: { containers: [{ name: 'c' }] } };
    expect([keptProjects(limited, true), keptProjects(free, true), keptProjects(limited, false)]).toEqual(['all', 'others', 'none']);
  });

  const facts = { user: { uid: 5, gid: 6, groups: [7], home: '/' }, imageUser: 'app', defaultSeccomp: () => Buffer.from('filter'), localhostSeccomp: undefined, oomScoreAdj: 0 };
  const ask = (own: Container['securityContext'], ofPod: NonNullable<Pod['spec']>['securityContext'] = {}): ReturnType<typeof securityOf> => (
    securityOf({ ...pod, spec: { containers: [], securityContext: ofPod } }, { name: 'c', ...(own === undefined ? {} : { securityContext: own }) }, facts)
  );

  it('follows image, pod and container, the innermost first', () => {
    expect(ask(undefined)).toMatchObject({ uid: 5, gid: 6, groups: [7], seccomp: Buffer.from('filter'), noNewPrivileges: false });
    expect(ask({ runAsUser: 1 }, { runAsUser: 2, runAsGroup: 3, fsGroup: 9, supplementalGroups: [8] })).toMatchObject({ uid: 1, gid: 3, groups: [7, 8, 9] });
    expect(ask({ seccompProfile: { type: 'Unconfined' } })).not.toHaveProperty('seccomp');
    expect(ask({ allowPrivilegeEscalation: false }).noNewPrivileges).toBe(true);
  });

  it.each<[string, NonNullable<Container['securityContext']>, string]>([
    ['root by number', { runAsNonRoot: true, runAsUser: 0 }, 'container\'s runAsUser breaks non-root policy (pod: "web_ns(u)", container: c)'],
    ['a name that may be root', { runAsNonRoot: true }, 'container has runAsNonRoot and image has non-numeric user (app), cannot verify user is non-root (pod: "web_ns(u)", container: c)'],
  ])('refuses %s where root is not wanted', (_name, own, message) => {
    expect(() => ask(own)).toThrow(message);
  });

  it('refuses to leave out what it can\'t enforce', () => {
    expect(() => ask({}, { appArmorProfile: { type: 'RuntimeDefault' } })).toThrow('Cannot enforce AppArmor');
    expect(ask({ privileged: true }, { appArmorProfile: { type: 'RuntimeDefault' } }).privileged).toBe(true);
    expect(ask({ appArmorProfile: { type: 'Unconfined' } }, { appArmorProfile: { type: 'RuntimeDefault' } })).toBeDefined();
  });

  it.each([['Guaranteed', 0, -997], ['BestEffort', 0, 1000], ['Burstable', 500, 500], ['Burstable', 0, 999], ['Burstable', 1000, 2]])('%s asking for %i of 1000 bytes has the score %i', (qos, request, score) => {
    expect(oomScoreAdjOf(qos, request, 1000)).toBe(score);
  });
});
