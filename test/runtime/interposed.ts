import { rename } from 'node:fs/promises';
import { createConnection, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { createFrameParser, encodeFrame, frameTypes, PayloadWriter } from '../../native/frame.ts';

/** Stands between a sandbox's real supervisor and the agents that come later, and changes what it says of its version in the hello. */
export interface Interposed {
  close(): Promise<void>;
}

/** The bytes that end a hello's answer: version and oldest agent. */
const speakerBytes = 8;

/** `speaker` undefined: it says nothing, as the first version. */
export async function interpose(sandboxDirectory: string, speaker: { readonly version: number; readonly oldestAgent: number } | undefined): Promise<Interposed> {
  const [path, real] = [join(sandboxDirectory, 'pod.sock'), join(sandboxDirectory, 'real.sock')];
  await rename(path, real);
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (agent) => {
    const supervisor = createConnection({ path: real, allowHalfOpen: true });
    for (const socket of [agent, supervisor]) {
      sockets.add(socket);
      socket.on('error', () => socket.destroy()).on('close', () => sockets.delete(socket));
    }
    agent.pipe(supervisor);
    const parse = createFrameParser();
    let greeted = false;
    supervisor.on('data', (chunk: Buffer) => {
      for (const frame of parse(chunk)) {
        const isHello = !greeted && frame.type === frameTypes.ok && frame.payload.length > speakerBytes;
        greeted ||= isHello;
        const said = speaker === undefined ? Buffer.alloc(0) : new PayloadWriter().u32(speaker.version).u32(speaker.oldestAgent).bytes();
        agent.write(encodeFrame(frame.type, frame.id, isHello ? Buffer.concat([frame.payload.subarray(0, -speakerBytes), said]) : frame.payload));
      }
    });
    supervisor.on('end', () => agent.end());
  });
  await new Promise<void>((resolve) => void server.listen(path, resolve));
  return {
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => void server.close(resolve));
    },
  };
}
