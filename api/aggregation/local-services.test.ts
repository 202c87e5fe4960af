import { describe, expect, it } from 'vitest';
import type { APIService } from '../../machinery/kinds/api-registration.ts';
import { defineKind } from '../../machinery/kinds/kind.ts';
import { resources } from '../resources/all.ts';
import { apiService } from '../resources/apiregistration/api-service.ts';
import { defineResource } from '../resources/define.ts';
import { automanaged, isStale, localServices, wantedService } from './local-services.ts';

const custom = defineResource(defineKind('example.com', 'v1', 'Thing', 'things'));
const builtin = new Set(resources);
const now = Date.parse('2026-01-01T00:00:00Z');
const all = localServices([...resources, custom], builtin);
const named = (name: string) => all.find((one) => one.name === name);
const wanted = (name: string, present?: APIService): APIService | undefined => {
  const local = named(name);
  return local === undefined ? undefined : wantedService(local, present, now);
};

describe('the APIServices of what is served here', () => {
  it('are one for each version of each group, but for their own', () => {
    expect(all.map(({ name }) => name)).toEqual(expect.arrayContaining(['v1.', 'v1.apps', 'v2.autoscaling', 'v1.example.com']));
    expect(named('v1.apiregistration.k8s.io')).toBeUndefined();
    expect(new Set(all.map(({ name }) => name)).size).toBe(all.length);
  });

  it.each(all.map(({ name }) => [name] as const))('%s is valid and available', (name) => {
    const object = wanted(name);
    expect(apiService.validate?.(object ?? {})).toEqual([]);
    expect(object?.status?.conditions).toEqual([{ type: 'Available', status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z', reason: 'Local', message: 'Local APIServices are always available' }]);
  });

  it('say how much they matter, and who keeps them', () => {
    expect(wanted('v1.')).toMatchObject({ metadata: { labels: { [automanaged]: 'onstart' } }, spec: { version: 'v1', groupPriorityMinimum: 18_000, versionPriority: 1 } });
    expect(wanted('v1.example.com')).toMatchObject({ metadata: { labels: { [automanaged]: 'true' } }, spec: { group: 'example.com', groupPriorityMinimum: 1000, versionPriority: 100 } });
  });

  it('stay as they are when they are well, or somebody else’s', () => {
    expect(wanted('v1.apps', wanted('v1.apps'))).toBeUndefined();
    expect(wanted('v1.apps', { metadata: { name: 'v1.apps' }, spec: { group: 'apps', version: 'v1', groupPriorityMinimum: 1, versionPriority: 1, service: { name: 'a', namespace: 'b' } } })).toBeUndefined();
    const { status: _status, ...bare } = wanted('v1.apps') ?? {};
    expect(wanted('v1.apps', bare)).toEqual(wanted('v1.apps'));
  });

  it('go with the custom resources that they were made for', () => {
    const made = wanted('v1.example.com') ?? {};
    expect(isStale(made, new Set(['v1.example.com']))).toBe(false);
    expect(isStale(made, new Set())).toBe(true);
    expect(isStale(wanted('v1.apps') ?? {}, new Set())).toBe(false);
  });
});
