import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Container, Pod } from '../../machinery/kinds/core.ts';
import { messageOf } from '../../machinery/thrown.ts';
import { compileLocalhost } from '../runtime/seccomp-localhost.ts';

/** Where an administrator puts profiles: `<data-dir>/seccomp/`. Nothing that a pod can write is looked at. */
const profilesDirectory = (dataDir: string): string => join(dataDir, 'seccomp');

/** The profile that a container asks for: its own, or its pod's. */
export function seccompProfileOf(pod: Pod, container: Container): { readonly type: string; readonly localhostProfile?: string } {
  return container.securityContext?.seccompProfile ?? pod.spec?.securityContext?.seccompProfile ?? { type: 'RuntimeDefault' };
}

/** A profile of this machine: the filter, and the text that it was made of. */
export interface LocalhostSeccomp {
  readonly filter: Buffer;
  readonly text: string;
}

/** Of a container that names one; undefined for all others. Rejects with what is wrong with the profile. */
export async function localhostSeccomp(dataDir: string, pod: Pod, container: Container): Promise<LocalhostSeccomp | undefined> {
  const { type, localhostProfile = '' } = seccompProfileOf(pod, container);
  if (type !== 'Localhost' || container.securityContext?.privileged === true) return undefined;
  const path = join(profilesDirectory(dataDir), localhostProfile);
  const { arch } = process;
  try {
    if (arch !== 'x64' && arch !== 'arm64') throw new Error(`there is no system call table for ${arch}`);
    const text = await readFile(path, 'utf8');
    return { filter: compileLocalhost(text, arch), text };
  } catch (error) {
    throw new Error(`cannot load seccomp profile ${JSON.stringify(path)}: ${messageOf(error)}`, { cause: error });
  }
}
