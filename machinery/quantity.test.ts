import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { add, canonical, compare, formatQuantity, parseQuantity, subtract, toMillis, toUnits } from './quantity.ts';

const parsed = (text: string) => parseQuantity(text) ?? expect.fail(`'${text}' should be a quantity`);

describe('canonical', () => {
  it.each([
    ['0', '0'], ['1', '1'], ['100m', '100m'], ['1000m', '1'], ['0.5', '500m'], ['1.5Gi', '1536Mi'], ['1024Ki', '1Mi'],
    ['1e3', '1e3'], ['1E3', '1e3'], ['12e6', '12e6'], ['.5', '500m'], ['5.', '5'], ['+1', '1'],
    ['-100m', '-100m'], ['0.0000000001', '1n'], ['512Ki', '512Ki'], ['0.5Ki', '512'], ['1000000', '1M'], ['1Ei', '1Ei'],
    ['1000', '1k'], ['1025', '1025'], ['0Gi', '0'],
  ])('%s is written %s', (text, want) => {
    expect(canonical(text)).toBe(want);
  });

  it.each(['', 'x', '1 Gi', '1gi', '1e', '--1', '1.1.1', '.', '1mm', '1e99999999', '9'.repeat(200)])('%j is no quantity', (text) => {
    expect(parseQuantity(text)).toBeUndefined();
  });
});

describe('arithmetic', () => {
  it('rounds up to units and to thousandths', () => {
    expect([toUnits(parsed('1m')), toUnits(parsed('1.5')), toMillis(parsed('0.1m')), toUnits(parsed('-1.5'))]).toEqual([1, 2, 1, -1]);
  });

  const quantities = fc.tuple(fc.bigInt(-(10n ** 15n), 10n ** 15n), fc.constantFrom('n', 'u', 'm', '', 'k', 'Ki', 'Mi')).map(([n, s]) => `${n}${s}`);

  it('writes what it reads back as the same value', () => {
    fc.assert(fc.property(quantities, (text) => compare(parsed(canonical(text) ?? ''), parsed(text)) === 0));
  });

  it('adds and subtracts exactly', () => {
    fc.assert(fc.property(quantities, quantities, (a, b) => compare(subtract(add(parsed(a), parsed(b)), parsed(b)), parsed(a)) === 0));
  });

  it('writes a canonical text as itself', () => {
    fc.assert(fc.property(quantities, (text) => {
      const once = canonical(text) ?? '';
      return canonical(once) === once || formatQuantity(parsed(once), 'DecimalSI') === once;
    }));
  });
});
