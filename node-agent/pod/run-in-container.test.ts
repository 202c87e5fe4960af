import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { RuntimeError, type ProcessStreams, type Sandbox } from '../runtime/runtime.ts';
import { runInContainer } from './run-in-container.ts';

const pipe = (): PassThrough => new PassThrough();

function running(fields: Partial<ProcessStreams>): { sandbox(): Sandbox } {
  const streams: ProcessStreams = { stdout: pipe(), stderr: pipe(), resize: () => undefined, exit: Promise.resolve({ exitCode: 1 }), close: () => undefined, ...fields };
  return { sandbox: () => ({ exec: () => Promise.resolve(streams) }) as unknown as Sandbox };
}

describe('a command that is run in a container', () => {
  it('is answered with what it wrote last, which is read after its exit', async () => {
    const [out, err] = [pipe(), pipe()];
    const ran = runInContainer(running({ stdout: out, stderr: err }), 'x', ['cat', '/no'], new AbortController().signal);
    setImmediate(() => {
      err.end('no such file\n');
      out.end();
    });
    expect(await ran).toEqual({ exitCode: 1, output: 'no such file\n' });
  });

  it('is given up when it is aborted, whatever it goes on writing', async () => {
    const stop = new AbortController();
    const ran = runInContainer(running({}), 'x', ['sleep', '9'], stop.signal);
    stop.abort(new Error('enough'));
    await expect(ran).rejects.toThrow('enough');
  });

  it('fails as its connection does', async () => {
    const exit = Promise.reject(new RuntimeError('Unavailable', 'gone'));
    await expect(runInContainer(running({ exit }), 'x', ['true'], new AbortController().signal)).rejects.toThrow('gone');
  });
});
