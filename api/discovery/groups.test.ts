import { describe, expect, it } from 'vitest';
import { defineKind } from '../../machinery/kinds/kind.ts';
import { defineResource } from '../resources/define.ts';
import { aggregated } from './aggregated.ts';
import { byPriority, groupsOf } from './groups.ts';
import { apiResourceList } from './plain.ts';

const widget = defineResource(defineKind('example.com', 'v1', 'Widget', 'widgets'), { status: true, shortNames: ['wd'] });
const pod = defineResource(defineKind('', 'v1', 'Pod', 'pods'), {
  subresources: [{ name: 'eviction', kind: { group: 'policy', version: 'v1', kind: 'Eviction' }, verbs: ['create'] }],
});
const deployment = defineResource(defineKind('apps', 'v1', 'Deployment', 'deployments'));

describe('discovery', () => {
  it('lists the core group first, then Kubernetes\' own, then others', () => {
    expect(groupsOf([widget, deployment, pod]).map(({ name }) => name)).toEqual(['', 'apps', 'example.com']);
  });

  it('puts the most stable and newest version first', () => {
    expect(['v1beta1', 'v1', 'v2', 'v1alpha1', 'v2beta1', 'odd'].toSorted(byPriority)).toEqual(['v2', 'v1', 'v2beta1', 'v1beta1', 'v1alpha1', 'odd']);
  });

  it('names a subresource\'s kind where it is of another group', () => {
    expect(apiResourceList('v1', [pod])).toMatchObject({ resources: [
      { name: 'pods', singularName: 'pod', namespaced: true, kind: 'Pod' },
      { name: 'pods/eviction', group: 'policy', version: 'v1', kind: 'Eviction', verbs: ['create'] },
    ] });
  });

  it('tells everything in one document', () => {
    expect(aggregated(groupsOf([widget]))).toMatchObject({ kind: 'APIGroupDiscoveryList', items: [{
      metadata: { name: 'example.com' },
      versions: [{ version: 'v1', freshness: 'Current', resources: [{
        resource: 'widgets', responseKind: { kind: 'Widget', group: '', version: '' }, scope: 'Namespaced', shortNames: ['wd'],
        subresources: [{ subresource: 'status', verbs: ['get', 'patch', 'update'] }],
      }] }],
    }] });
  });
});
