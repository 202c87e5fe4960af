import { readRecord, sandboxDirectory, type SandboxRecord } from '../node-agent/runtime/sandbox-record.ts';

/** What is on disk of a pod's sandbox. Rejects while it has none. */
export async function recordOf(dataDir: string, uid: string): Promise<SandboxRecord> {
  const record = await readRecord(sandboxDirectory(dataDir, uid));
  if (record === undefined) throw new Error(`pod ${uid} has no sandbox in ${dataDir}`);
  return record;
}

/** The process that holds a pod's sandbox. */
export async function supervisorOf(dataDir: string, uid: string): Promise<number> {
  return (await recordOf(dataDir, uid)).pid;
}
