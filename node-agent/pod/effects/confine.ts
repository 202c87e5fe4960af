import { RuntimeError } from '../../runtime/runtime.ts';
import type { PodHandle } from '../handle.ts';
import { isRunning } from '../state.ts';

/** Has running containers that have no processors of their own run on these. Rejects when one can't be told. */
export async function confine(handle: PodHandle, cpus: string): Promise<void> {
  const { containers, cpus: own = {} } = handle.state();
  const sandbox = handle.sandbox();
  if (sandbox?.answers !== true || sandbox.refusal !== undefined) return;
  for (const record of containers.values()) {
    const { current, name } = record;
    if (!isRunning(record) || current?.cpus === undefined || current.cpus === cpus || Object.hasOwn(own, name)) continue;
    try {
      await sandbox.resize(current.id, { cpus });
    } catch (error) {
      // It has ended meanwhile.
      if (error instanceof RuntimeError && error.code === 'NotFound') continue;
      throw error;
    }
    handle.changeContainer(name, (before) => (before.current?.id === current.id ? { ...before, current: { ...before.current, cpus } } : before));
  }
}
