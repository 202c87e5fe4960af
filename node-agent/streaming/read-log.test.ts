import { appendFile, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseLogLine } from './cri-log.ts';
import { lastLines } from './log-tail.ts';
import { readLog, type LogOptions } from './read-log.ts';

const all: LogOptions = { follow: false, tailLines: undefined, since: undefined, timestamps: false, limitBytes: undefined, stream: undefined };
const never = new AbortController().signal;
const at = (second: number): string => `2026-01-02T03:04:0${second}.123456789Z`;

let directory: string;
let path: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'coracle-log-'));
  path = join(directory, '0.log');
});
afterEach(() => rm(directory, { recursive: true }));

async function read(options: Partial<LogOptions>, ended = never): Promise<string> {
  let text = '';
  for await (const chunk of readLog(path, { ...all, ...options }, ended, never)) text += chunk.toString();
  return text;
}

const sample = [`${at(1)} stdout F one`, `${at(2)} stderr F two`, `${at(3)} stdout P thr`, `${at(3)} stdout F ee`, 'torn', `${at(4)} stdout F`, ''].join('\n');

describe('a container log', () => {
  it.each<[string, Partial<LogOptions>, string]>([
    ['whole, with partial lines joined and torn ones left out', {}, 'one\ntwo\nthree\n\n'],
    ['one stream', { stream: 'stderr' }, 'two\n'],
    ['with times, once a line', { timestamps: true }, `${at(1)} one\n${at(2)} two\n${at(3)} three\n${at(4)} \n`],
    ['since a time', { since: Date.parse('2026-01-02T03:04:03Z') }, 'three\n\n'],
    ['the last lines', { tailLines: 1 }, '\n'],
    ['no line', { tailLines: 0 }, ''],
    ['more lines than there are', { tailLines: 99 }, 'one\ntwo\nthree\n\n'],
    ['at most so many bytes', { limitBytes: 6 }, 'one\ntw'],
  ])('is read %s', async (_name, options, expected) => {
    await writeFile(path, sample);
    expect(await read(options)).toBe(expected);
  });

  it('is empty when there is none', async () => {
    expect(await read({})).toBe('');
    expect(await lastLines(path, 3)).toBe('');
  });

  it('is followed from before its first line, across rotation, to the container\'s end', async () => {
    const ended = new AbortController();
    const following = read({ follow: true }, ended.signal);
    await appendFile(path, `${at(1)} stdout F one\n`);
    await appendFile(path, `${at(1)} stdout F two\n`);
    await rename(path, `${path}.1`);
    await appendFile(`${path}.1`, `${at(1)} stdout F three\n`);
    await writeFile(path, `${at(2)} stdout F four\n`);
    ended.abort();
    expect(await following).toBe('one\ntwo\nthree\nfour\n');
  });

  it('gives its last lines as text', async () => {
    await writeFile(path, sample);
    expect(await lastLines(path, 5)).toBe('two\nthree\n\n');
  });

  it('finds the beginning of the tail across blocks', async () => {
    const lines = Array.from({ length: 5000 }, (_, number) => `${at(1)} stdout F line ${number}`);
    await writeFile(path, `${lines.join('\n')}\n`);
    expect((await read({ tailLines: 3000 })).split('\n')[0]).toBe('line 2000');
  });
});

describe('a log line', () => {
  it.each(['', 'x', `${at(1)}`, `${at(1)} stdin F x`, 'short stdout F x'])('"%s" is none', (text) => {
    expect(parseLogLine(Buffer.from(text))).toBeUndefined();
  });
});
