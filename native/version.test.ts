import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createFrameParser, encodeFrame, frameTypes, PayloadReader, PayloadWriter, type Frame } from './frame.ts';
import { connectPod, type PodClient } from './pod.ts';
import { oldestDriven, protocolVersion, refusalOf } from './version.ts';

let directory: string;
let supervisor: Server | undefined;
let client: PodClient | undefined;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'coracle-version-'));
});
afterEach(async () => {
  client?.close();
  supervisor?.close();
  await rm(directory, { recursive: true, force: true });
});

/** A supervisor that says of its version what `speaks` writes, and answers everything else with nothing. Its requests are in `asked`. */
async function meet(speaks: (writer: PayloadWriter) => void): Promise<{ readonly client: PodClient; readonly asked: readonly Frame[] }> {
  const asked: Frame[] = [];
  supervisor = createServer((socket) => {
    const parse = createFrameParser();
    socket.on('data', (chunk: Buffer) => {
      for (const frame of parse(chunk)) {
        asked.push(frame);
        const answer = new PayloadWriter();
        if (frame.type === frameTypes.podHello) {
          answer.text('key').list(['a'], (id) => answer.text(id).u32(7).u64(5).u32(0)).u32(0);
          speaks(answer);
        }
        socket.write(encodeFrame(frameTypes.ok, frame.id, answer.bytes()));
      }
    });
  });
  await new Promise<void>((resolve) => void supervisor?.listen(join(directory, 'pod.sock'), resolve));
  const connected = await connectPod(() => directory, { exited: () => undefined, lost: () => undefined });
  client = connected;
  return { client: connected, asked };
}

describe('a supervisor', () => {
  it('of the first version, which says nothing of it, is driven', async () => {
    const { client: old, asked } = await meet(() => undefined);
    expect([old.refusal, old.state.speaker]).toEqual([undefined, { version: 1, oldestAgent: 1 }]);
    expect(old.state.running).toEqual([{ containerId: 'a', pid: 7, startedAt: 5, cgroupIndex: 0 }]);
    await old.configure({ hostname: 'h', sysctls: {}, resources: {}, shareProcesses: false });
    expect(asked.map(({ type }) => type)).toEqual([frameTypes.podHello, frameTypes.podConfigure]);
    expect(new PayloadReader(asked[0]?.payload ?? Buffer.alloc(0)).u32()).toBe(protocolVersion);
  });

  it('is not asked for what it would ignore', async () => {
    const { client: old, asked } = await meet((writer) => writer.u32(2).u32(1));
    const container = {
      id: 'b', layers: [], readOnlyRoot: false, args: ['x'], env: [], workingDir: '/', mounts: [], maskedPaths: [], readOnlyPaths: [], resources: {}, tty: false, stdin: false, stdinOnce: false,
      logPath: '/l', logMaxBytes: 1, logMaxFiles: 1, uid: 0, gid: 0, groups: [], capabilities: 0n, noNewPrivileges: true, privileged: false, seccomp: Buffer.alloc(0), oomScoreAdj: 0, joins: 'a',
    };
    await expect(old.start(container)).rejects.toMatchObject({ code: 'Incompatible', message: expect.stringContaining('does not know joins') });
    const { joins: _joins, ...alone } = container;
    const mounts = [{ type: 'image', source: 'web:1', layers: ['/l'], target: '/web', readOnly: true }] as const;
    await expect(old.start({ ...alone, mounts })).rejects.toMatchObject({ code: 'Incompatible', message: expect.stringContaining('does not know imageMounts') });
    const recursive = [{ type: 'bind', source: '/s', target: '/t', readOnly: true, recursiveReadOnly: true }] as const;
    await expect(old.start({ ...alone, mounts: recursive })).rejects.toMatchObject({ code: 'Incompatible', message: expect.stringContaining('does not know recursiveReadOnly') });
    await expect(old.start({ ...alone, project: 7 })).rejects.toMatchObject({ code: 'Incompatible', message: expect.stringContaining('does not know project') });
    expect([old.knows('recursiveReadOnly'), old.knows('project')]).toEqual([false, false]);
    await expect(old.resize('a', {})).rejects.toMatchObject({ code: 'Incompatible' });
    expect(asked.map(({ type }) => type)).toEqual([frameTypes.podHello]);
  });

  it('that is newer and takes this agent is driven, whatever else it says', async () => {
    const { client: newer } = await meet((writer) => writer.u32(protocolVersion + 3).u32(protocolVersion).text('later things').u64(1));
    expect(newer.refusal).toBeUndefined();
    await newer.configure({ hostname: 'h', sysctls: {}, resources: {}, shareProcesses: false });
  });

  it('that needs a newer agent can be looked at and signalled, and is asked nothing else', async () => {
    const { client: newer, asked } = await meet((writer) => writer.u32(protocolVersion + 3).u32(protocolVersion + 1));
    const words = `coracle-pod speaks version ${protocolVersion + 3} of the protocol and needs an agent of version ${protocolVersion + 1} or newer, this one has ${protocolVersion}: delete the pod`;
    expect(newer.refusal).toContain(words);
    expect(newer.state.running).toHaveLength(1);
    for (const refused of [newer.configure({ hostname: 'h', sysctls: {}, resources: {}, shareProcesses: false }), newer.remove('a'), newer.dial(80), newer.attach('a', { stdin: false })]) {
      await expect(refused).rejects.toMatchObject({ code: 'Incompatible', message: expect.stringContaining(words) });
    }
    await newer.signal('a', 9);
    expect(asked.map(({ type }) => type)).toEqual([frameTypes.podHello, frameTypes.podSignal]);
  });
});

describe('coracle-host', () => {
  it('of an earlier build is refused with what to do', () => {
    expect(refusalOf('coracle-host', { version: oldestDriven['coracle-host'] - 1, oldestAgent: 1 })).toContain("build it anew with 'npm run setup'");
    expect(refusalOf('coracle-host', { version: protocolVersion, oldestAgent: 1 })).toBeUndefined();
  });
});

it('both languages have the same version', async () => {
  const header = await readFile(join(import.meta.dirname, 'protocol.h'), 'utf8');
  expect(/PROTOCOL_VERSION (\d+)u/.exec(header)?.[1]).toBe(String(protocolVersion));
  expect(Number(/OLDEST_AGENT (\d+)u/.exec(header)?.[1])).toBeLessThanOrEqual(protocolVersion);
});
