import { describe, expect, it } from 'vitest';
import { DaemonSet, type ControllerRevision } from '../../machinery/kinds/apps.ts';
import type { PodTemplateSpec } from '../../machinery/kinds/core.ts';
import { historyOf } from './history.ts';
import { holds, snapshotOf, templateOf } from './snapshot.ts';

const template = (image: string): PodTemplateSpec => ({ metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image }] } });
const set = (image: string, collisionCount?: number) => ({
  kind: DaemonSet, hashLabel: 'hash',
  object: {
    metadata: { namespace: 'default', name: 'web', uid: 'set', annotations: { 'kubernetes.io/change-cause': 'why' } },
    spec: { template: template(image) }, ...(collisionCount === undefined ? {} : { status: { collisionCount } }),
  },
});
const revision = (name: string, image: string, number: number): ControllerRevision => ({ metadata: { namespace: 'default', name }, data: snapshotOf(template(image)), revision: number });
const free = (): boolean => false;
const names = (revisions: readonly ControllerRevision[]): unknown[] => revisions.map(({ metadata }) => metadata?.name);

describe('the history of a set', () => {
  it('begins with a revision of its template, which carries its labels, its annotations and a hash', () => {
    const { present, others, steps } = historyOf(set('a'), [], free);
    expect(others).toEqual([]);
    expect(steps).toMatchObject([{ type: 'create', object: {
      metadata: {
        name: expect.stringMatching(/^web-[a-z0-9]{10}$/), namespace: 'default', labels: { app: 'web', hash: present.metadata?.name?.slice('web-'.length) },
        annotations: { 'kubernetes.io/change-cause': 'why' }, ownerReferences: [{ kind: 'DaemonSet', uid: 'set', controller: true }],
      },
      data: { spec: { template: { ...template('a'), $patch: 'replace' } } }, revision: 1,
    } }]);
  });

  it('stays as it is while the template does', () => {
    const { present, others, steps } = historyOf(set('b'), [revision('of-b', 'b', 2), revision('of-a', 'a', 1)], free);
    expect([present.metadata?.name, names(others), steps]).toEqual(['of-b', ['of-a'], []]);
  });

  it('numbers a new template after all others', () => {
    const { present, others } = historyOf(set('c'), [revision('of-b', 'b', 7), revision('of-a', 'a', 1)], free);
    expect([present.revision, names(others)]).toEqual([8, ['of-a', 'of-b']]);
  });

  it('gives a template that comes back the highest number', () => {
    const { present, others, steps } = historyOf(set('a'), [revision('of-a', 'a', 1), revision('of-b', 'b', 2)], free);
    expect([present.metadata?.name, present.revision, names(others)]).toEqual(['of-a', 3, ['of-b']]);
    expect(steps).toMatchObject([{ type: 'update', object: { metadata: { name: 'of-a' }, revision: 3 } }]);
  });

  it('makes another hash when its name is taken, and counts that', () => {
    const wanted = historyOf(set('a'), [], free).present.metadata?.name;
    const { present, collisionCount } = historyOf(set('a'), [], (name) => name === wanted);
    expect(present.metadata?.name).not.toBe(wanted);
    expect(collisionCount).toBe(1);
    expect(historyOf(set('a', 1), [], free)).toMatchObject({ collisionCount: 1, present: { metadata: { name: present.metadata?.name } } });
  });

  it('leaves room for the hash behind a long name', () => {
    const long = { ...set('a'), object: { ...set('a').object, metadata: { name: 'x'.repeat(250) } } };
    expect(historyOf(long, [], free).present.metadata?.name).toMatch(/^x{223}-[a-z0-9]{10}$/);
  });
});

describe('a snapshot', () => {
  it('gives back the template that was put in', () => {
    expect(templateOf(revision('r', 'a', 1))).toEqual(template('a'));
  });

  it('holds its own template only', () => {
    expect(holds(revision('r', 'a', 1), template('a'))).toBe(true);
    expect(holds(revision('r', 'a', 1), template('b'))).toBe(false);
  });

  it.each([['nothing', undefined], ['a text', 'spec'], ['no template', { spec: {} }], ['no containers', { spec: { template: { spec: {} } } }]])('that somebody wrote with %s in it is refused', (_name, data) => {
    expect(() => templateOf({ metadata: { namespace: 'default', name: 'odd' }, data, revision: 1 })).toThrow('controller revision default/odd holds no pod template');
  });
});
