import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { defineKind, type KubernetesObject } from '../../machinery/kinds/kind.ts';
import { defineResource } from '../resources/define.ts';
import type { Entry } from '../store/cache.ts';
import { listPieces, sliceBytes, slices } from './list-body.ts';
import { createTableRenderer } from './table.ts';

const widgets = defineResource(defineKind('example.com', 'v1', 'Widget', 'widgets'));
const tables = createTableRenderer(() => Date.parse('2026-01-01T00:01:35Z'));

function entry(name: string): Entry {
  const object = { kind: 'Widget', apiVersion: 'example.com/v1', metadata: { name, creationTimestamp: '2026-01-01T00:00:00Z' } };
  const partial = { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata };
  const encoded = { json: Buffer.from(JSON.stringify(object)), metadata: Buffer.from(JSON.stringify(partial)) };
  return {
    key: name, namespace: '', name, uid: '', revision: 5, labels: {}, field: () => undefined, stored: encoded.json, encoded: (form) => (form === 'json' ? encoded.json : encoded.metadata), object, exact: object,
  };
}

function written(entries: readonly Entry[], as: 'json' | 'Table' | 'PartialObjectMetadataList', resource = widgets): unknown {
  const result = { type: 'list', resource, entries, revision: 7, continue: 'next', remainingItemCount: 3 } as const;
  return JSON.parse(Buffer.concat([...listPieces(result, as, tables, 'Metadata')]).toString());
}

describe('a list as bytes', () => {
  it('omits kind and apiVersion of its items', () => {
    const metadata = { resourceVersion: '7', continue: 'next', remainingItemCount: 3 };
    expect(written([entry('a'), entry('b')], 'json')).toEqual({
      kind: 'WidgetList', apiVersion: 'example.com/v1', metadata,
      items: ['a', 'b'].map((name) => ({ metadata: { name, creationTimestamp: '2026-01-01T00:00:00Z' } })),
    });
    expect(written([], 'json')).toEqual({ kind: 'WidgetList', apiVersion: 'example.com/v1', metadata, items: [] });
  });

  it('is a table for people', () => {
    expect(written([entry('a')], 'Table')).toMatchObject({
      kind: 'Table', apiVersion: 'meta.k8s.io/v1', columnDefinitions: [{ name: 'Name', format: 'name' }, { name: 'Age' }],
      rows: [{ cells: ['a', '95s'], object: { kind: 'PartialObjectMetadata', metadata: { name: 'a' } } }],
    });
  });

  it('has a table\'s rows in the order of its kind', () => {
    const reversed = { ...widgets, rowOrder: (a: KubernetesObject, b: KubernetesObject) => ((a.metadata?.name ?? '') > (b.metadata?.name ?? '') ? -1 : 1) };
    expect(written([entry('a'), entry('b')], 'Table', reversed)).toMatchObject({ rows: [{ cells: ['b', '95s'] }, { cells: ['a', '95s'] }] });
    expect(written([entry('a'), entry('b')], 'json', reversed)).toMatchObject({ items: [{ metadata: { name: 'a' } }, { metadata: { name: 'b' } }] });
  });

  it('is metadata alone where no more is asked', () => {
    expect(written([entry('a')], 'PartialObjectMetadataList')).toMatchObject({ kind: 'PartialObjectMetadataList', items: [{ kind: 'PartialObjectMetadata' }] });
  });

  it('leaves in slices that are the same bytes and not too long', () => {
    fc.assert(fc.property(fc.array(fc.integer({ min: 0, max: sliceBytes }), { maxLength: 12 }), (sizes) => {
      const pieces = sizes.map((size, index) => Buffer.alloc(size, index));
      const out = [...slices(pieces)];
      expect(Buffer.concat(out).equals(Buffer.concat(pieces))).toBe(true);
      expect(out.every((slice) => slice.length <= sliceBytes)).toBe(true);
    }), { numRuns: 30 });
  });
});
