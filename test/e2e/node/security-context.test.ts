import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Container, PodSpec } from '../../../machinery/kinds/core.ts';
import { run } from '../command.ts';
import { exampleLayer, tarOf } from '../image-archive.ts';
import { pod, script } from '../manifests.ts';
import { takeIn, usePods } from './pods.ts';

/** What Kubernetes' conformance list demands of security contexts; each title is an entry's. */
const pods = usePods('node-security');

const rising = 'conformance.example/rising:1';
const once = (name: string, container: Partial<Container>, spec: Partial<PodSpec> = {}) => pod(name, { spec: { restartPolicy: 'Never', ...spec }, container });
const whoAmI = script('id -u; id -g');
const aged = { runAsUser: 1001, runAsGroup: 2002 };

/** Says whom it runs as; it belongs to root and has the set-user-ID bit. busybox's own programs give such a right up. */
async function risingProgram(): Promise<Buffer> {
  const directory = await mkdtemp(join(tmpdir(), 'coracle-rising-'));
  try {
    const program = join(directory, 'rising');
    const source = '#include <stdio.h>\n#include <unistd.h>\nint main(void) { return printf("Effective uid: %d\\n", (int)geteuid()) < 0; }\n';
    await run('musl-gcc', ['-static', '-o', program, '-x', 'c', '-'], { input: source });
    return await readFile(program);
  } finally {
    await rm(directory, { recursive: true });
  }
}

beforeAll(async () => {
  await takeIn({ name: rising, layers: [await exampleLayer(), await tarOf([{ name: 'bin/rising', mode: 0o4755, content: await risingProgram() }])], config: { Cmd: ['rising'] } });
  await pods.kubectl.apply(
    once('nobody', { ...script('id -u'), securityContext: { runAsUser: 65_534 } }),
    once('own-user', { ...whoAmI, securityContext: aged }), once('pods-user', whoAmI, { securityContext: aged }),
    once('unprivileged', { ...script('ip link add dummy0 type dummy || true'), securityContext: { privileged: false } }),
    once('writable', { ...script('echo checked > /checkfile && cat /checkfile'), securityContext: { readOnlyRootFilesystem: false } }),
    ...[false, true].map((allowPrivilegeEscalation) => once(`escalation-${allowPrivilegeEscalation}`, { image: rising, securityContext: { runAsUser: 1000, allowPrivilegeEscalation } })),
    once('sysctl', script('cat /proc/sys/kernel/shm_rmid_forced'), { securityContext: { sysctls: [{ name: 'kernel.shm_rmid_forced', value: '1' }] } }),
    once('no-sysctl', script('cat /proc/sys/kernel/shm_rmid_forced')),
  );
});

describe('[sig-node] Security Context', () => {
  it.each([
    ['Security Context When creating a container with runAsUser should run the container with uid 65534 [LinuxOnly] [NodeConformance]', 'nobody', '65534\n'],
    ['Security Context should support container.SecurityContext.RunAsUser And container.SecurityContext.RunAsGroup [LinuxOnly]', 'own-user', '1001\n2002\n'],
    ['Security Context should support pod.Spec.SecurityContext.RunAsUser And pod.Spec.SecurityContext.RunAsGroup [LinuxOnly]', 'pods-user', '1001\n2002\n'],
    ['Security Context When creating a pod with readOnlyRootFilesystem should run the container with writable rootfs when readOnlyRootFilesystem=false [NodeConformance]', 'writable', 'checked\n'],
  ])('%s', async (_title, name, output) => {
    expect(await pods.output(name)).toBe(output);
  });

  it('Security Context When creating a pod with privileged should run the container as unprivileged when false [LinuxOnly] [NodeConformance]', async () => {
    expect(await pods.output('unprivileged')).toContain('Operation not permitted');
  });

  it('Security Context when creating containers with AllowPrivilegeEscalation should not allow privilege escalation when false [LinuxOnly] [NodeConformance]', async () => {
    expect(await pods.output('escalation-false')).toBe('Effective uid: 1000\n');
    // The same program does rise where it may.
    expect(await pods.output('escalation-true')).toBe('Effective uid: 0\n');
  });
});

describe('[sig-node] Sysctls', () => {
  it('Sysctls [LinuxOnly] [NodeConformance] should support sysctls [Environment:NotInUserNS]', async () => {
    expect(await pods.output('sysctl')).toBe('1\n');
    expect(await pods.output('no-sysctl')).toBe('0\n');
  });
});
