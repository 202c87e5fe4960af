import { describe, expect, it } from 'vitest';
import { fieldErrorTexts, Path } from './field-path.ts';
import { validateAnnotations, validateFinalizers, validateLabelSelector, validateLabels } from './labels.ts';

describe('labels and annotations', () => {
  it('accept what Kubernetes accepts', () => {
    expect(validateLabels({ 'example.com/app': 'Web_1', tier: '' }, new Path('metadata.labels'))).toEqual([]);
    expect(validateAnnotations({ 'Example.COM/App': 'any text: {}' }, new Path('metadata.annotations'))).toEqual([]);
  });

  it('name every wrong key and value', () => {
    const errors = fieldErrorTexts(validateLabels({ 'a b': 'ok', app: 'not ok' }, new Path('metadata.labels')));
    expect(errors).toHaveLength(2);
    expect(errors[0]).toMatch(/^metadata\.labels: Invalid value: "a b": name part must consist of/);
    expect(errors[1]).toMatch(/^metadata\.labels: Invalid value: "not ok": a valid label must be an empty string or consist of/);
  });

  it('limit annotations to 256 KiB together', () => {
    expect(fieldErrorTexts(validateAnnotations({ a: 'x'.repeat(262_144) }, new Path('metadata.annotations')))).toEqual([
      'metadata.annotations: Too long: may not be more than 262144 bytes',
    ]);
  });

  it('refuse a finalizer without a domain', () => {
    expect(fieldErrorTexts(validateFinalizers(['kubernetes', 'example.com/mine', 'mine'], new Path('metadata.finalizers')))).toEqual([
      'metadata.finalizers[2]: Invalid value: "mine": name is neither a standard finalizer name nor is it fully qualified',
    ]);
  });

  it('refuse both deletion finalizers at once', () => {
    expect(validateFinalizers(['orphan', 'foregroundDeletion'], new Path('metadata.finalizers'))).toHaveLength(1);
  });
});

describe('selectors in objects', () => {
  it.each([
    [{ key: 'a', operator: 'In' }, "spec.selector.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'"],
    [{ key: 'a', operator: 'Exists', values: ['x'] }, "spec.selector.matchExpressions[0].values: Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'"],
    [{ key: 'a', operator: 'Gt', values: ['1'] }, 'spec.selector.matchExpressions[0].operator: Invalid value: "Gt": not a valid selector operator'],
  ])('%j is refused', (expression, message) => {
    expect(fieldErrorTexts(validateLabelSelector({ matchExpressions: [expression] }, new Path('spec.selector')))).toEqual([message]);
  });
});
