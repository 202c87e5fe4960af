import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readWithOwners } from './managed-fields.ts';

const text = fc.oneof(fc.string(), fc.constantFrom('},"manager":"', '"managedFields":[{"', '}', '\\', '"fieldsV1":{'));
const tree = fc.letrec<{ tree: object }>((tie) => ({
  tree: fc.dictionary(text.map((key) => `f:${key}`), fc.oneof({ depthSize: 'small' }, fc.constant({}), tie('tree')), { maxKeys: 3 }),
})).tree;
const entry = fc.record({ apiVersion: text, fieldsType: fc.constant('FieldsV1'), fieldsV1: tree, manager: text, operation: text, subresource: text, time: text }, { requiredKeys: [] });
const object = fc.record({
  kind: text, apiVersion: text,
  metadata: fc.record({ annotations: fc.dictionary(text, text), labels: fc.dictionary(text, text), managedFields: fc.array(entry, { maxLength: 3 }), name: text, uid: text }, { requiredKeys: [] }),
  spec: fc.record({ managedFields: fc.array(entry), template: fc.record({ metadata: fc.record({ managedFields: fc.array(entry) }) }) }, { requiredKeys: [] }),
}, { requiredKeys: ['metadata'] });

describe('an object with owners', () => {
  it('is read as JSON has it, whatever is in it', () => {
    fc.assert(fc.property(object, (value) => {
      const json = JSON.stringify(value);
      expect(readWithOwners(Buffer.from(json), JSON.parse)).toEqual(JSON.parse(json));
    }), { numRuns: 1000 });
  });

  it('shares its sets with others', () => {
    const json = Buffer.from(JSON.stringify({ kind: 'X', metadata: { managedFields: [{ apiVersion: 'v1', fieldsType: 'FieldsV1', fieldsV1: { 'f:shared': {} }, manager: 'm' }], name: 'x' } }));
    const read = (): unknown => readWithOwners(json, JSON.parse);
    const [one, other] = [read(), read()] as { metadata: { managedFields: { fieldsV1: object }[] } }[];
    expect(one?.metadata.managedFields[0]?.fieldsV1).toBe(other?.metadata.managedFields[0]?.fieldsV1);
    expect(one).toEqual(JSON.parse(json.toString()));
  });
});
