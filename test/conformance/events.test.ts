import { describe, expect, it } from 'vitest';
import { Event } from '../../machinery/kinds/core.ts';
import { EventsEvent } from '../../machinery/kinds/events.ts';
import { eventually } from '../e2e/eventually.ts';
import { useCluster } from './cluster.ts';
import { unique } from './definitions.ts';

const cluster = useCluster('events');
const strategic = 'application/strategic-merge-patch+json';
const seriesTime = '2026-01-02T03:04:05.678901Z';

const coreEvent = (name: string, labels: Readonly<Record<string, string>>): Event => ({
  metadata: { name, namespace: cluster.namespace, labels }, message: 'This is a test event', reason: 'Test', type: 'Normal', count: 1, involvedObject: { namespace: cluster.namespace },
});

const newEvent = (name: string, labels: Readonly<Record<string, string>>): EventsEvent => ({
  metadata: { name, namespace: cluster.namespace, labels }, regarding: { namespace: cluster.namespace }, eventTime: '2026-01-02T03:04:05.000000Z', note: `This is ${name}`, action: 'Do',
  reason: 'Test', type: 'Normal', reportingController: 'test-controller', reportingInstance: 'test-node',
});

describe('[sig-instrumentation]', () => {
  it('Events should manage the lifecycle of an event', async () => {
    const { client, namespace } = cluster;
    const label = unique('testevent');
    const at = { namespace, name: label };
    const everywhere = { labelSelector: `testevent-constant=${label}` };
    await client.create(Event, coreEvent(label, { 'testevent-constant': label }));
    expect((await client.list(Event, everywhere)).items.map(({ metadata }) => [metadata?.namespace, metadata?.name])).toEqual([[namespace, label]]);
    await client.patch(Event, at, strategic, { message: 'This is a test event - patched' });
    const patched = await client.get(Event, at);
    expect(patched.message).toBe('This is a test event - patched');
    await client.update(Event, { ...patched, series: { count: 100, lastObservedTime: seriesTime } });
    expect((await client.get(Event, at)).series).toEqual({ count: 100, lastObservedTime: seriesTime });
    await client.delete(Event, at);
    expect((await client.list(Event, everywhere)).items).toEqual([]);
  });

  it('Events should delete a collection of events', async () => {
    const { client, namespace } = cluster;
    const label = unique('testevent-set');
    const ours = { namespace, labelSelector: `${label}=true` };
    const names = ['test-event-1', 'test-event-2', 'test-event-3'];
    for (const name of names) await client.create(Event, coreEvent(name, { [label]: 'true' }));
    expect((await client.list(Event, ours)).items.map(({ metadata }) => metadata?.name)).toEqual(names);
    await client.deleteCollection(Event, ours);
    await eventually(async () => expect((await client.list(Event, ours)).items).toEqual([]));
  });

  it('Events API should ensure that an event can be fetched, patched, deleted, and listed', async () => {
    const { client, namespace } = cluster;
    const label = unique('testevent-new');
    const at = { namespace, name: label };
    const everywhere = { labelSelector: `testevent-constant=${label}` };
    const created = await client.create(EventsEvent, newEvent(label, { 'testevent-constant': label }));
    for (const where of [everywhere, { ...everywhere, namespace }]) {
      expect((await client.list(EventsEvent, where)).items.map(({ metadata, regarding }) => [metadata?.name, regarding?.namespace])).toEqual([[label, namespace]]);
      expect((await client.list(EventsEvent, { ...where, fieldSelector: 'reportingController=test-controller' })).items).toHaveLength(1);
    }
    // The older form has the reporter as its source.
    expect((await client.list(Event, { namespace, labelSelector: everywhere.labelSelector, fieldSelector: 'source=test-controller' })).items).toHaveLength(1);
    expect(await client.get(EventsEvent, at)).toEqual(created);
    // Of an event of this group only the series (and metadata) may change, whatever the suite's description says of its note.
    await expect(client.patch(EventsEvent, at, strategic, { note: 'another' })).rejects.toMatchObject({ code: 422 });
    const series = { count: 2, lastObservedTime: '2026-01-02T03:04:06.000000Z' };
    await client.patch(EventsEvent, at, strategic, { series });
    const patched = await client.get(EventsEvent, at);
    expect(patched).toEqual({ ...created, series, metadata: { ...created.metadata, resourceVersion: patched.metadata?.resourceVersion, managedFields: patched.metadata?.managedFields } });
    // Whichever version it has by now, and whoever owns its fields.
    const { resourceVersion: _version, managedFields: _managed, ...metadata } = patched.metadata ?? {};
    await client.update(EventsEvent, { ...patched, metadata, series: { count: 100, lastObservedTime: seriesTime } });
    expect((await client.get(EventsEvent, at)).series).toEqual({ count: 100, lastObservedTime: seriesTime });
    await client.delete(EventsEvent, at);
    for (const where of [everywhere, { ...everywhere, namespace }]) expect((await client.list(EventsEvent, where)).items).toEqual([]);
  });

  it('Events API should delete a collection of events', async () => {
    const { client, namespace } = cluster;
    const label = unique('testevent-set');
    const ours = { namespace, labelSelector: `${label}=true` };
    const names = ['new-event-1', 'new-event-2', 'new-event-3'];
    for (const name of names) await client.create(EventsEvent, newEvent(name, { [label]: 'true' }));
    expect((await client.list(EventsEvent, ours)).items.map(({ metadata }) => metadata?.name)).toEqual(names);
    await client.deleteCollection(EventsEvent, ours);
    await eventually(async () => expect((await client.list(EventsEvent, ours)).items).toEqual([]));
  });
});
