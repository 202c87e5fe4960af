/** A way to a server on loopback that a test can disturb: what networks do to those who talk over them. */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

export interface Link extends AsyncDisposable {
  /** To be used in place of the server's own: `http://127.0.0.1:40000`. */
  readonly endpoint: string;
  /** Ends every connection and lets no new one through until `mend`. */
  cut(): void;
  /** What the server answers is lost until `mend`; what is asked gets there. */
  mute(): void;
  /** Lets everything through again. Connections that lost something are ended. */
  mend(): void;
}

export async function startLink(to: string): Promise<Link> {
  const { hostname, port } = new URL(to);
  const open = new Set<Socket>();
  let state: 'whole' | 'cut' | 'mute' = 'whole';

  function endAll(): void {
    for (const socket of open) socket.destroy();
  }

  const server = createServer((near) => {
    if (state === 'cut') return void near.destroy();
    const far = connect(Number(port), hostname);
    for (const [one, other] of [[near, far], [far, near]] as const) {
      open.add(one);
      one.on('error', () => one.destroy());
      one.on('close', () => {
        open.delete(one);
        other.destroy();
      });
    }
    near.on('data', (chunk) => void far.write(chunk));
    far.on('data', (chunk) => {
      if (state === 'whole') near.write(chunk);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    endpoint: `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`,
    cut() {
      state = 'cut';
      endAll();
    },
    mute() {
      state = 'mute';
    },
    mend() {
      if (state === 'mute') endAll();
      state = 'whole';
    },
    async [Symbol.asyncDispose]() {
      endAll();
      server.close();
      await once(server, 'close');
    },
  };
}
