import { chmod, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { hostnameOf, hostsFile, kernelNameOf, resolverFile } from '../pod-files.ts';
import type { PodHandle } from './handle.ts';

/** Where a pod's own files are: `<pod dir>/files/`. */
function filesDirectory(handle: PodHandle): string {
  return join(handle.directory, 'files');
}

/** Writes /etc/hostname and /etc/resolv.conf of a pod, which need no sandbox. */
export async function writePodFiles(handle: PodHandle): Promise<void> {
  const directory = filesDirectory(handle);
  const pod = handle.pod();
  const [hostFile] = await Promise.all([handle.node.hostResolver(), mkdir(directory, { recursive: true, mode: 0o755 })]);
  await Promise.all([
    writeFile(join(directory, 'hostname'), `${kernelNameOf(pod)}\n`, { mode: 0o644 }),
    writeFile(join(directory, 'resolv.conf'), resolverFile(pod, { clusterDns: handle.node.clusterDns, hostFile }), { mode: 0o644 }),
  ]);
}

/** Writes /etc/hosts of a pod whose sandbox has just got its address; after `writePodFiles`. */
export async function writeHostsFile(handle: PodHandle, address: string | undefined): Promise<void> {
  const pod = handle.pod();
  const hostFile = pod.spec?.hostNetwork === true ? await readFile('/etc/hosts', 'utf8').catch(() => '') : '';
  await writeFile(join(filesDirectory(handle), 'hosts'), hostsFile(pod, address, hostnameOf(pod), hostFile), { mode: 0o644 });
}

/** By their path in a container. */
export function podFiles(handle: PodHandle): ReadonlyMap<string, string> {
  const directory = filesDirectory(handle);
  return new Map([
    ['/etc/hosts', join(directory, 'hosts')], ['/etc/hostname', join(directory, 'hostname')], ['/etc/resolv.conf', join(directory, 'resolv.conf')],
  ]);
}

/** The file behind a run's termination message path. */
export function terminationFile(handle: PodHandle, containerId: string): string {
  return join(filesDirectory(handle), `termination-${containerId.slice(0, 16)}`);
}

/** Makes that file, for whatever user the container runs as: the agent's own umask must not narrow it. */
export async function makeTerminationFile(path: string): Promise<void> {
  await writeFile(path, '', { mode: 0o666 });
  await chmod(path, 0o666);
}

/** What a run has of the pod's files for itself. */
export async function removeRunFiles(handle: PodHandle, containerId: string): Promise<void> {
  await rm(terminationFile(handle, containerId), { force: true });
}

/** Removes a log with the parts that were rotated away from it. */
export async function removeLog(logPath: string): Promise<void> {
  const [directory, name] = [dirname(logPath), basename(logPath)];
  const files = (await readdir(directory)).filter((each) => each === name || each.startsWith(`${name}.`));
  await Promise.all(files.map((each) => rm(join(directory, each), { force: true })));
}

/** `<pod dir>/logs/<container>/<restart>.log`. */
export function logPathOf(handle: PodHandle, container: string, attempt: number): string {
  return join(handle.directory, 'logs', container, `${attempt}.log`);
}
