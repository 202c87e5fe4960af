import { describe, expect, it } from 'vitest';
import { acceptsNode, labelsRead, namedNodes, preferenceFor, preferredNodes, readsName, requiredNodes } from './affinity.ts';

const containers = [{ name: 'main' }];
const required = (...nodeSelectorTerms: readonly object[]) => ({ containers, affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } } } });

const name = (...values: readonly string[]) => ({ key: 'metadata.name', operator: 'In', values });

describe('what a pod requires of its node', () => {
  it('is nothing unless it says so', () => {
    expect(requiredNodes({ containers })).toBeUndefined();
    expect(requiredNodes({ containers, nodeSelector: {} })).toBeUndefined();
  });

  it.each([
    ['no term chooses no node', required(), false],
    ['a term without conditions chooses no node', required({}), false],
    ['a field other than the name chooses no node', required({ matchFields: [{ key: 'spec.podCIDR', operator: 'In', values: ['x'] }] }), false],
    ['an operator that there is none of chooses no node', required({ matchExpressions: [{ key: 'a', operator: 'Like', values: ['1'] }] }), false],
    ['labels and fields of a term must both hold', required({ matchExpressions: [{ key: 'a', operator: 'Exists' }], matchFields: [{ key: 'metadata.name', operator: 'In', values: ['m'] }] }), false],
    ['one term is enough', required({ matchExpressions: [{ key: 'b', operator: 'Exists' }] }, { matchExpressions: [{ key: 'a', operator: 'Gt', values: ['0'] }] }), true],
  ])('%s', (_name, spec, accepted) => {
    const found = requiredNodes(spec);
    expect(found && acceptsNode(found, { a: '1' }, 'n')).toBe(accepted);
  });

  it('names its nodes when every term does, and a term with two conditions names what both do', () => {
    const of = (spec: ReturnType<typeof required>) => {
      const found = requiredNodes(spec);
      return found && namedNodes(found);
    };
    expect(of(required({ matchFields: [name('a', 'b')] }, { matchFields: [name('c'), name('c', 'd')] }))).toEqual(['a', 'b', 'c']);
    expect(of(required({ matchFields: [name('a')] }, { matchExpressions: [{ key: 'x', operator: 'Exists' }] }))).toBeUndefined();
    expect(of(required({ matchFields: [{ key: 'metadata.name', operator: 'NotIn', values: ['a'] }] }))).toBeUndefined();
  });
});

describe('what a pod prefers of its node', () => {
  const preferred = preferredNodes({ containers, affinity: { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [
    { weight: 3, preference: { matchExpressions: [{ key: 'a', operator: 'In', values: ['1'] }] } },
    { weight: 4, preference: { matchFields: [{ key: 'metadata.name', operator: 'In', values: ['n'] }] } },
    { weight: 5, preference: {} },
  ] } } });

  it('adds up', () => {
    expect(preferenceFor(preferred, { a: '1' }, 'n')).toBe(7);
    expect(preferenceFor(preferred, { a: '1' }, 'm')).toBe(3);
    expect(preferenceFor(preferred, undefined, 'm')).toBe(0);
  });

  it('tells what it reads', () => {
    expect(labelsRead(undefined, preferred)).toEqual(['a']);
    expect(readsName(undefined, preferred)).toBe(true);
    expect(labelsRead(requiredNodes({ containers, nodeSelector: { z: '1' } }), [])).toEqual(['z']);
  });
});
