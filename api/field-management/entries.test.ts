import { describe, expect, it } from 'vitest';
import { capped, entriesProblem, identityText, isSameButTimes, readEntries, unmanaged, writeEntries, type Entries, type Managed } from './entries.ts';

const entry = (manager: string, operation: 'Apply' | 'Update', time: string, fields: object = { 'f:a': {} }, apiVersion = 'v1') =>
  ({ manager, operation, apiVersion, time, fieldsType: 'FieldsV1', fieldsV1: fields });
const at = (minute: number): string => `2026-01-01T00:${String(minute).padStart(2, '0')}:00Z`;
const read = (entries: Entries): Managed => readEntries(entries, false) ?? unmanaged;

const updaters = (count: number): Entries => Array.from({ length: count }, (_, index) => entry(`m${String(index).padStart(2, '0')}`, 'Update', at(index), { [`f:${index}`]: {} }));

describe('the entries of an object', () => {
  it('come back as they were, appliers first, then by age and name', () => {
    const entries = [entry('z', 'Update', at(2)), entry('b', 'Update', at(1)), { ...entry('a', 'Update', at(1)), subresource: 'status' }, entry('y', 'Apply', at(9))];
    expect(writeEntries(read(entries)).map(({ manager }) => manager)).toEqual(['y', 'a', 'b', 'z']);
    expect(writeEntries(read(writeEntries(read(entries))))).toEqual(writeEntries(read(entries)));
  });

  it('are one of an applier, whatever the version, and of an updater one of each version and subresource', () => {
    const entries = [entry('a', 'Apply', at(1), {}, 'v1'), entry('a', 'Apply', at(1), {}, 'v2'), entry('a', 'Update', at(1), {}, 'v1'), entry('a', 'Update', at(1), {}, 'v2')];
    expect([...read(entries).owners.keys()]).toHaveLength(3);
  });

  it.each<[string, object]>([
    ['an operation that there isn\'t', { ...entry('a', 'Update', at(1)), operation: 'Upend' }], ['no version', { ...entry('a', 'Update', at(1)), apiVersion: '' }],
    ['fields of another type', { ...entry('a', 'Update', at(1)), fieldsType: 'FieldsV2' }], ['no fields', { ...entry('a', 'Update', at(1)), fieldsV1: { x: 1 } }],
  ])('are none with %s', (_name, one) => {
    expect(readEntries([one as Entries[number]], false)).toBeUndefined();
    expect(entriesProblem([one as Entries[number]])).toBeDefined();
  });

  it('are the same whenever they were written', () => {
    expect(isSameButTimes([entry('a', 'Update', at(1))], [entry('a', 'Update', at(2))])).toBe(true);
    expect(isSameButTimes([entry('a', 'Update', at(1))], [entry('b', 'Update', at(1))])).toBe(false);
    expect(isSameButTimes(undefined, [entry('b', 'Update', at(1))])).toBe(false);
  });
});

describe('too many updaters', () => {
  it('are ten, and as many appliers as there are', () => {
    const entries = [...updaters(10), ...Array.from({ length: 5 }, (_, index) => entry(`a${index}`, 'Apply', at(0)))];
    expect(writeEntries(capped(read(entries)))).toHaveLength(15);
  });

  it('become one of the oldest, which has all their fields and the time of its latest', () => {
    const left = writeEntries(capped(read(updaters(12))));
    expect(left).toHaveLength(10);
    expect(left.find(({ manager }) => manager === 'ancient-changes')).toMatchObject({ operation: 'Update', time: at(2), fieldsV1: { 'f:0': {}, 'f:1': {}, 'f:2': {} } });
    const more = read([...left, entry('new', 'Update', at(30), { 'f:new': {} })]);
    const again = writeEntries(capped(more));
    expect(again).toHaveLength(10);
    expect(again.find(({ manager }) => manager === 'ancient-changes')).toMatchObject({ fieldsV1: { 'f:0': {}, 'f:1': {}, 'f:2': {}, 'f:3': {} } });
  });

  it('may have no times', () => {
    const timeless = updaters(12).map(({ time: _time, ...rest }) => rest);
    const left = writeEntries(capped(read(timeless)));
    expect(left).toHaveLength(10);
    expect(left.filter((one) => 'time' in one)).toEqual([]);
  });

  it('stay apart by version', () => {
    const mixed = updaters(12).map((one, index) => ({ ...one, apiVersion: index % 2 === 0 ? 'v1' : 'v2' }));
    const names = writeEntries(capped(read(mixed))).filter(({ manager }) => manager === 'ancient-changes').map(({ apiVersion }) => apiVersion);
    expect(names.toSorted()).toEqual(['v1', 'v2']);
  });
});

describe('an identity', () => {
  it('is who, how, through what', () => {
    expect(identityText({ manager: 'm', operation: 'Apply', apiVersion: 'v1' })).toBe('{"manager":"m","operation":"Apply"}');
    expect(identityText({ manager: 'm', operation: 'Update', apiVersion: 'v1', subresource: 'status' })).toBe('{"manager":"m","operation":"Update","apiVersion":"v1","subresource":"status"}');
  });
});
