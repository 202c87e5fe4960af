import { describe, expect, it } from 'vitest';
import { nodeImages } from './images.ts';

const image = (name: string, sizeBytes: number, repoDigests: readonly string[] = []) => ({ references: [name], repoDigests, sizeBytes });

describe('the images of a node', () => {
  it('are named by digest and by tag, the largest first', () => {
    expect(nodeImages([image('r/small:1', 10), image('r/large:1', 30, ['r/large@sha256:aa'])])).toEqual([
      { names: ['r/large@sha256:aa', 'r/large:1'], sizeBytes: 30 }, { names: ['r/small:1'], sizeBytes: 10 },
    ]);
  });

  it('are at most 50, of at most 5 names', () => {
    const many = Array.from({ length: 60 }, (_, size) => image(`r/i:${size}`, size, Array.from({ length: 8 }, (__, index) => `r/i@sha256:${index}`)));
    const found = nodeImages(many);
    expect([found.length, found[0]?.sizeBytes, found.at(-1)?.sizeBytes]).toEqual([50, 59, 10]);
    expect(found[0]?.names).toHaveLength(5);
  });
});
