import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { Container, PodSpec } from '../../machinery/kinds/core.ts';
import { buildAttempts } from '../runtime/attempts.ts';
import { supervisorOf } from '../sandbox-record.ts';
import { eventually } from './eventually.ts';
import { exampleLayer, tarOf } from './image-archive.ts';
import { podProcesses } from './machine-processes.ts';
import { pod, script } from './manifests.ts';
import { takeIn, usePods } from './node/pods.ts';

/** What the kernel answers to a container that tries to get out; beside each refusal one whom it lets, so that it refuses for the right reason. */
const pods = usePods('denials');
const { kubectl } = pods;
const image = 'coracle.example/attempts:1';
const tracing = { securityContext: { capabilities: { add: ['SYS_PTRACE'] } } };
const waiting = (name: string, container: Partial<Container> = {}, spec: Partial<PodSpec> = {}) => pod(name, { spec, container: { image, ...script('exec sleep 1000'), ...container } });

let directory: string;
/** A file of the machine. */
let marker: string;
/** A process of the machine, as privileged as any. */
let bystander: ReturnType<typeof spawn>;
let listeners: readonly Server[];
let port: string;
const abstract = `coracle-denials-${process.pid}`;

async function listening(at: { readonly path: string } | { readonly port: number; readonly host: string }): Promise<Server> {
  const server = createServer((socket) => socket.destroy()).listen(at);
  await once(server, 'listening');
  return server;
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'coracle-denials-'));
  marker = join(directory, 'marker');
  await writeFile(marker, 'of the machine');
  bystander = spawn('sleep', ['1000'], { stdio: 'ignore' });
  listeners = [await listening({ host: '127.0.0.1', port: 0 }), await listening({ path: `\0${abstract}` })];
  const address = listeners[0]?.address();
  port = String(typeof address === 'object' ? address?.port : undefined);
  // One that leads the command of a container to what starts it, as CVE-2019-5736 did.
  const entries = [{ name: 'bin/attempts', mode: 0o755, content: await readFile(await buildAttempts()) }, { name: 'bin/itself', type: 'symlink' as const, linkname: '/proc/self/exe' }];
  await takeIn({ name: image, layers: [await exampleLayer(), await tarOf(entries)], config: { Cmd: ['sh'] } });
  await kubectl.apply(
    waiting('confined'),
    waiting('unfiltered', { securityContext: { seccompProfile: { type: 'Unconfined' } } }),
    waiting('mighty', { securityContext: { privileged: true } }),
    waiting('beside', {}, { hostPID: true, hostNetwork: true }),
    waiting('mighty-beside', { securityContext: { privileged: true } }, { hostPID: true }),
    waiting('sharing', {}, { shareProcessNamespace: true }),
    waiting('tracing', tracing, { shareProcessNamespace: true }),
    waiting('foreign', tracing, { shareProcessNamespace: true, hostUsers: false }),
  );
  await kubectl`wait pods --all --for=condition=Ready --timeout=30s`;
});
afterAll(async () => {
  for (const server of listeners ?? []) server.close();
  bystander?.kill('SIGKILL');
  await rm(directory, { recursive: true });
});

/** What the kernel answered to each attempt. */
async function attempt(name: string, ...words: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const said = await kubectl.with({ input: `exec attempts ${words.join(' ')}` })`exec -i ${name} -- sh`;
  return new Map(said.trim().split('\n').map((line) => [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1)]));
}

describe('system calls that change the machine', () => {
  /** Those that the kernel refuses to whoever lacks the capability, filtered or not. */
  const byCapability = ['mount', 'umount', 'open_tree', 'fsopen', 'pivot_root', 'unshare-mount', 'setns', 'init_module', 'finit_module', 'delete_module', 'kexec_load', 'reboot', 'swapon', 'acct', 'open_by_handle_at', 'clock_settime', 'sethostname'];
  /** Those that anybody may make, and only the filter refuses. */
  const byFilter = ['unshare-user', 'userfaultfd', 'io_uring_setup', 'keyctl', 'add_key', 'bpf', 'perf_event_open', 'clock_settime-invalid'];

  it('are refused by the filter, each of them', async () => {
    const answers = await attempt('confined', 'calls');
    expect([...answers.keys()].toSorted()).toEqual([...byCapability, ...byFilter].toSorted());
    expect(Object.fromEntries(answers)).toEqual(Object.fromEntries([...answers.keys()].map((name) => [name, 'EPERM'])));
  });

  it('are refused without the filter too, for want of capabilities', async () => {
    const [answers, allowed] = [await attempt('unfiltered', 'calls'), await attempt('mighty', 'calls')];
    for (const name of byCapability) {
      // What this kernel has not, it has for nobody.
      expect([name, answers.get(name)]).toEqual([name, allowed.get(name) === 'ENOSYS' ? expect.stringMatching(/^(EPERM|ENOSYS)$/) : 'EPERM']);
    }
    expect(answers.get('unshare-user')).toBe('ok');
    expect(answers.get('clock_settime-invalid')).not.toBe('EPERM');
  });

  it('reach the kernel from a privileged container: it is not the attempts that are wrong', async () => {
    const answers = await attempt('mighty', 'calls');
    for (const name of ['mount', 'umount', 'open_tree', 'fsopen', 'unshare-mount', 'unshare-user', 'setns', 'clock_settime']) expect([name, answers.get(name)]).toEqual([name, 'ok']);
    expect([...answers].filter(([, each]) => each === 'EPERM' || each === 'EACCES')).toEqual([]);
  });
});

describe('processes of the machine', () => {
  const process = (name: string) => attempt(name, 'process', String(bystander.pid));

  it('are not there, even for one that may trace', async () => {
    for (const name of ['confined', 'tracing', 'foreign']) {
      expect(Object.fromEntries(await process(name))).toEqual({ kill: 'ESRCH', pidfd_open: 'ESRCH', process_vm_readv: 'ESRCH', ptrace: 'ESRCH' });
    }
  });

  it('are there with hostPID, but for a privileged container alone to trace', async () => {
    expect(Object.fromEntries(await process('beside'))).toEqual({ kill: 'ok', pidfd_open: 'ok', process_vm_readv: 'EPERM', ptrace: 'EPERM' });
    expect(Object.fromEntries(await process('mighty-beside'))).toEqual({ kill: 'ok', pidfd_open: 'ok', process_vm_readv: 'ok', ptrace: 'ok' });
  });
});

describe('the machine’s network', () => {
  it('is out of reach where it listens for itself alone: its loopback and abstract sockets', async () => {
    expect(Object.fromEntries(await attempt('confined', 'connect', port, abstract))).toEqual({ loopback: 'ECONNREFUSED', abstract: 'ECONNREFUSED' });
    expect(Object.fromEntries(await attempt('beside', 'connect', port, abstract))).toEqual({ loopback: 'ok', abstract: 'ok' });
  });
});

describe('the machine’s files', () => {
  it('are not behind the root of a container that climbs out of a root of its own', async () => {
    // It does get out of the inner one: its own program is there again.
    expect(Object.fromEntries(await attempt('confined', 'leave-root', '/bin/attempts', marker))).toEqual({ '/bin/attempts': 'ok', [marker]: 'ENOENT' });
  });

  it.each([
    ['Permission denied', 'sharing'], ['Permission denied', 'foreign'],
    // Who may trace may look: there is nothing.
    ['No such file or directory', 'tracing'],
  ])('are not behind the root of the first process that a pod’s containers share: %s (%s)', async (refusal, name) => {
    const { stdout, stderr } = await kubectl.outcome`exec ${name} -- sh -c ${`cat /proc/1/comm; ls /proc/self/root/bin/attempts; ls -A /proc/1/root/; ls /proc/1/root${marker}`}`;
    expect(stdout).toBe('coracle-reaper\n/proc/self/root/bin/attempts\n');
    expect(stderr).toContain(`ls: /proc/1/root${marker}: ${refusal}\n`);
  });
});

describe('the program that starts containers', () => {
  const sealed = 1 | 2 | 4 | 8; // F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_WRITE
  async function supervisor(name: string): Promise<string> {
    const { metadata } = await kubectl.object<{ metadata: { uid: string } }>`get pod ${name} -o json`;
    return String(await supervisorOf(inject('cluster').dataDir, metadata.uid));
  }

  it('can be written by nobody who sees it, nor when it has ended', async () => {
    const path = `/proc/${await supervisor('confined')}/exe`;
    expect(Object.fromEntries(await attempt('confined', 'write-program', path))).toEqual({ write: 'ENOENT', read: 'ENOENT' });
    expect(Object.fromEntries(await attempt('beside', 'write-program', path))).toEqual({ write: 'EACCES', read: 'EACCES' });
    // A privileged container of the machine's processes reads it, and finds it sealed.
    expect(Object.fromEntries(await attempt('mighty-beside', 'write-program', path))).toEqual({ write: expect.stringMatching(/^(ETXTBSY|EPERM)$/), read: 'ok', 'write-again': expect.stringMatching(/^(ETXTBSY|EPERM)$/), seals: String(sealed) });
    expect(Object.fromEntries(await attempt('tracing', 'write-program', '/proc/1/exe'))).toEqual({ write: expect.stringMatching(/^(ETXTBSY|EPERM)$/), read: 'ok', 'write-again': expect.stringMatching(/^(ETXTBSY|EPERM)$/), seals: String(sealed) });
  });

  it('does nothing for a container that is led to it in place of its own command', async () => {
    await kubectl.apply(...['/proc/self/exe', '/bin/itself'].map((command, index) => waiting(`itself-${index}`, { command: [command] }, { restartPolicy: 'Never' })));
    for (const name of ['itself-0', 'itself-1']) {
      const { status } = await pods.ended(name);
      expect(status).toMatchObject({ phase: 'Failed', containerStatuses: [{ state: { terminated: { exitCode: 1 } } }] });
    }
    for (const command of ['/proc/self/exe', '/bin/itself']) expect((await kubectl.outcome`exec confined -- ${command}`).code).toBe(1);
    expect(await kubectl`exec confined -- echo here`).toBe('here\n');
  });
});

describe('a process that wants to outlive its pod', () => {
  it.each([['alone', {}], ['in shared processes', { shareProcessNamespace: true }], ['with the machine’s processes', { hostPID: true }]])('ends with it, whatever it has done about signals, sessions and parents (%s)', async (how, spec) => {
    const name = `lingering-${Object.keys(spec)[0]?.toLowerCase() ?? 'alone'}`;
    await kubectl.apply(waiting(name, script('attempts linger; exec sleep 31601'), spec));
    await kubectl`wait pod/${name} --for=condition=Ready --timeout=30s`;
    const own = async (command: RegExp): Promise<number> => (await podProcesses(inject('cluster').instance, command)).length;
    await eventually(async () => expect(await own(/^attempts linger/), how).toBe(1));
    await kubectl`delete pod ${name} --now`;
    expect([await own(/^attempts linger/), await own(/^sleep 31601/)]).toEqual([0, 0]);
  });
});
