import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { pack } from 'tar-stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeContainer, type PodContainer } from '../../native/container.ts';
import { encodeFrame } from '../../native/frame.ts';
import { buildSanitized, sanitized } from './fixture.ts';

/** Whatever bytes arrive, the parsers take or refuse them: AddressSanitizer and UBSan watch every read. */
let directory: string;

beforeAll(async () => {
  await buildSanitized();
  directory = mkdtempSync(join(tmpdir(), 'coracle-hostile-'));
}, 120_000);
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function feed(parser: 'tar' | 'spec' | 'frames', bytes: Uint8Array): string {
  const path = join(directory, 'input');
  writeFileSync(path, bytes);
  const { status, stdout, stderr } = spawnSync(sanitized.feed, [parser, path], { encoding: 'utf8' });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return stdout.trim();
}

async function archive(): Promise<Buffer> {
  const tar = pack();
  tar.entry({ name: 'a/file', mode: 0o644 }, 'content');
  tar.entry({ name: `${'long/'.repeat(40)}file`, pax: { 'SCHILY.xattr.user.note': 'x', path: `${'long/'.repeat(40)}file` } }, 'more');
  tar.entry({ name: 'link', type: 'symlink', linkname: `/${'target/'.repeat(30)}` });
  tar.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of tar) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Puts a header's checksum right again, so that what lies behind it is reached. */
function withChecksums(bytes: Buffer): Buffer {
  for (let at = 0; at + 512 <= bytes.length; at += 512) {
    const header = bytes.subarray(at, at + 512);
    if (header.toString('latin1', 257, 262) !== 'ustar') continue;
    header.fill(' ', 148, 156);
    header.write(header.reduce((sum, byte) => sum + byte, 0).toString(8).padStart(6, '0'), 148, 'latin1');
  }
  return bytes;
}

const mutations = fc.array(fc.record({ at: fc.nat(), byte: fc.integer({ min: 0, max: 255 }) }), { minLength: 1, maxLength: 12 });
function mutate(bytes: Buffer, changes: readonly { readonly at: number; readonly byte: number }[]): Buffer {
  const copy = Buffer.from(bytes);
  for (const { at, byte } of changes) copy[at % copy.length] = byte;
  return copy;
}

const container: PodContainer = {
  id: 'c'.repeat(64), layers: ['/layers/a', '/layers/b'], readOnlyRoot: false, args: ['sh', '-c', 'true'], env: ['A=b'], workingDir: '/',
  mounts: [{ type: 'image', source: 'app:1', layers: ['/one', '/two'], target: '/app', readOnly: true }, { type: 'bind', source: '/a', subPath: 's', target: '/b', readOnly: true }, { type: 'tmpfs', source: '', target: '/c', readOnly: false, sizeBytes: 4096 }],
  maskedPaths: ['/proc/keys'], readOnlyPaths: ['/proc/sys'], uid: 1, gid: 2, groups: [3, 4], capabilities: 5n, noNewPrivileges: true, privileged: false,
  seccomp: Buffer.alloc(16), oomScoreAdj: -7, resources: { memoryLimitBytes: 1 }, tty: false, stdin: false, stdinOnce: false, logPath: '/log', logMaxBytes: 1, logMaxFiles: 1,
};

describe('hostile bytes', () => {
  it('in an archive are refused or taken, never misread', async () => {
    const good = await archive();
    expect(feed('tar', good)).toBe('taken');
    fc.assert(fc.property(mutations, (changes) => {
      feed('tar', withChecksums(mutate(good, changes)));
    }), { numRuns: 40 });
  });

  it.each([
    ['a size that overflows', (header: Buffer) => header.fill(0xff, 124, 136), 'a number in a tar header is too large'],
    ['an extension of gigabytes', (header: Buffer) => header.write('x', 156) && header.write('77777777777\0', 124), 'an extended tar header has 8589934591 bytes'],
    ['a size beyond the archive', (header: Buffer) => header.write('00000777777\0', 124), 'the archive ends in the middle'],
    ['a mode that is no number', (header: Buffer) => header.write('wxyz', 100), 'a number in a tar header is no number'],
  ])('of %s are named', async (_name, change, message) => {
    const bytes = await archive();
    change(bytes.subarray(0, 512));
    expect(feed('tar', withChecksums(bytes))).toBe(message);
  });

  it('in a specification are refused or taken', () => {
    const good = encodeContainer(container);
    expect(feed('spec', good)).toBe('taken');
    for (const cut of [0, 3, 4, 70, good.length - 1]) expect(feed('spec', good.subarray(0, cut))).toBe('refused');
    fc.assert(fc.property(mutations, (changes) => {
      feed('spec', mutate(good, changes));
    }), { numRuns: 25 });
  });

  it('in a stream of frames end it at the first that is none', () => {
    const frame = encodeFrame(3, 1, encodeContainer(container));
    expect(feed('frames', Buffer.concat([frame, frame]))).toBe(`${2 * frame.length} of ${2 * frame.length} bytes were frames`);
    fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      feed('frames', bytes);
    }), { numRuns: 25 });
  });
});
