import { expect, it } from 'vitest';
import { fieldErrorTexts } from '../../../machinery/field-path.ts';
import type { RuntimeClass } from '../../../machinery/kinds/runtime-class.ts';
import { runtimeClass } from './runtime-class.ts';

const toleration = { key: 'a', operator: 'Exists' };

it.each<[string, RuntimeClass, readonly string[]]>([
  ['a good one', { handler: 'runc', overhead: { podFixed: { cpu: '100m', memory: '64Mi' } }, scheduling: { nodeSelector: { a: 'b' }, tolerations: [toleration] } }, []],
  ['a handler that is no label', { handler: 'a.b' }, ['handler: Invalid value: "a.b": must not contain dots']],
  ['an overhead of something else', { handler: 'a', overhead: { podFixed: { 'a b': '1' } } }, [expect.stringContaining('overhead.limits[a b]: Invalid value: "a b": ') as string]],
  ['tolerations twice', { handler: 'a', scheduling: { tolerations: [toleration, toleration] } }, ['scheduling.tolerations[1]: Duplicate value: {"key":"a","operator":"Exists"}']],
])('a runtime class is judged: %s', (_name, object, messages) => {
  expect(fieldErrorTexts(runtimeClass.validate?.(object))).toEqual(messages);
});

it('a runtime class keeps its handler, and warns of labels that have another name', () => {
  expect(fieldErrorTexts(runtimeClass.validateUpdate?.({ handler: 'b' }, { handler: 'a' }))).toEqual(['handler: Invalid value: "b": field is immutable']);
  expect(runtimeClass.warnings?.({ handler: 'a', scheduling: { nodeSelector: { 'beta.kubernetes.io/os': 'linux' } } })).toEqual([
    'scheduling.nodeSelector: deprecated since v1.14; use "kubernetes.io/os" instead',
  ]);
});
