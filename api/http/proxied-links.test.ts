import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createPageRewriter, pageTransform, relocated } from './proxied-links.ts';

const behind = { prefix: '/p', authorities: new Set(['10.0.0.1:80', '10.0.0.1', 'api.example:6443']) };

function page(text: string, ...more: readonly string[]): string {
  const rewriter = createPageRewriter(behind);
  return [text, ...more].map((piece) => rewriter.write(piece)).join('') + rewriter.end();
}

describe('a link', () => {
  it.each([
    ['/a?b#c', '/p/a?b#c'], ['/', '/p/'], ['http://10.0.0.1/a', '/p/a'], ['HTTP://10.0.0.1:80?a', '/p/?a'], ['//10.0.0.1/a', '/p/a'], ['https://API.example:6443/a', '/p/a'],
  ])('to %s is led through this server', (link, expected) => { expect(relocated(link, behind)).toBe(expected); });

  it.each(['a/b', '../a', '#a', '?a', '', '//elsewhere/a', 'http://10.0.0.1:81/a', 'http://10.0.0.2/a', 'mailto:a@b', '/p/a', '/p'])('to %s stays', (link) => { expect(relocated(link, behind)).toBe(link); });
});

describe('a page', () => {
  it.each([
    ['<a href="/x">x</a>', '<a href="/p/x">x</a>'],
    ["<IMG alt='/x' SRC = '/x'/>", "<IMG alt='/x' SRC = '/p/x'/>"],
    ['<script src=/x></script><a href=/y >', '<script src=/p/x></script><a href=/p/y >'],
    ['<form\n action="/x?a=1&amp;b=2">', '<form\n action="/p/x?a=1&amp;b=2">'],
    ['<video src="/a"poster="/b">', '<video src="/p/a"poster="/p/b">'],
    ['<a title="a > b" href="/x">', '<a title="a > b" href="/p/x">'],
    ['<body background="http://10.0.0.1/x">', '<body background="/p/x">'],
  ])('%s is rewritten', (text, expected) => { expect(page(text)).toBe(expected); });

  it.each([
    '<a data-href="/x" href="x">', '<p href="/x">', '<!-- <a href="/x"> --', '<script>if (a < b) c = \'<a href="/x">\';', '<style>a{}</style', '<title><a href="/x"></title>', '1 < 2 <a', '</a href="/x">', '<!doctype html>',
    '<a href="https://elsewhere/x">', `<a ${'x'.repeat(20_000)} href="/x">`, 'no markup', '',
  ])('%s stays', (text) => { expect(page(text)).toBe(text); });

  it('goes on behind what is no markup', () => {
    expect(page('<!-- a --><a href="/x"><SCRIPT>"<a href=/y>"</Script><a href="/z">')).toBe('<!-- a --><a href="/p/x"><SCRIPT>"<a href=/y>"</Script><a href="/p/z">');
  });

  it('is the same however it is cut', () => {
    const pieces = fc.constantFrom('<a href="', '/x', '">', '<!-', '-', '-->', '<script>', '</scr', 'ipt>', '<', '"', '<img src=/y>', ' ', 'é');
    fc.assert(fc.property(fc.array(pieces, { maxLength: 20 }), fc.array(fc.nat(60)), (parts, cuts) => {
      const text = parts.join('');
      const at = [0, ...cuts.map((cut) => cut % (text.length + 1)).toSorted((a, b) => a - b), text.length];
      expect(page('', ...at.slice(1).map((end, index) => text.slice(at[index], end)))).toBe(page(text));
    }));
  });

  it('keeps its bytes, and comes as soon as it can', async () => {
    const stream = pageTransform(behind);
    stream.write(Buffer.from('<p>é<a href="/'));
    expect(String(stream.read())).toBe('<p>é');
    stream.end(Buffer.from('ü">'));
    expect((await stream.toArray()).join('')).toBe('<a href="/p/ü">');
  });
});
