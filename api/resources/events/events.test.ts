import { describe, expect, it } from 'vitest';
import { fieldErrorTexts } from '../../../machinery/field-path.ts';
import type { Event } from '../../../machinery/kinds/core.ts';
import type { EventsEvent } from '../../../machinery/kinds/events.ts';
import type { Draft } from '../../../machinery/kinds/wire.ts';
import { eventsEvent } from './event.ts';

const object: EventsEvent = {
  metadata: { name: 'e', namespace: 'default' }, eventTime: '2026-01-01T00:00:00.000000Z', reportingController: 'example.com/controller', reportingInstance: 'i', action: 'Binding', reason: 'Scheduled',
  type: 'Normal', note: 'well', regarding: { kind: 'Pod', name: 'p', namespace: 'default' },
};

describe('an event of events.k8s.io', () => {
  it('is stored as the core group’s', () => {
    const stored = eventsEvent.storedAs?.toStored(structuredClone(object) as Draft<EventsEvent>) as unknown as Event;
    expect(stored).toMatchObject({ apiVersion: 'v1', message: 'well', involvedObject: { kind: 'Pod' }, reportingComponent: 'example.com/controller', eventTime: object.eventTime });
    expect(eventsEvent.storedAs?.fromStored(stored as Draft<Event>)).toEqual({ ...object, kind: 'Event', apiVersion: 'events.k8s.io/v1' });
    expect(eventsEvent.fields['regarding.kind']?.(object)).toBe('Pod');
    expect(eventsEvent.columns[3]?.cell(object, 0)).toBe('pod/p');
  });

  it('says who, what and when', () => {
    expect([...fieldErrorTexts(eventsEvent.validate?.(object)), ...fieldErrorTexts(eventsEvent.validateCreate?.(object))]).toEqual([]);
    const { eventTime: _time, reportingController: _controller, action: _action, ...rest } = object;
    expect(fieldErrorTexts(eventsEvent.validateCreate?.({ ...rest, type: 'Odd', deprecatedCount: 2, note: 'x'.repeat(1025) } as unknown as EventsEvent))).toEqual([
      'eventTime: Required value', 'reportingController: Required value', 'action: Required value', 'message: Invalid value: "": can have at most 1024 bytes', 'type: Invalid value: "": has invalid value: Odd', 'count: Invalid value: 2: needs to be unset',
    ]);
  });

  it('goes on in its series alone', () => {
    expect(fieldErrorTexts(eventsEvent.validateUpdate?.({ ...object, series: { count: 2, lastObservedTime: object.eventTime } }, object))).toEqual([]);
    expect(fieldErrorTexts(eventsEvent.validateUpdate?.({ ...object, note: 'ill' }, object))).toEqual(['message: Invalid value: "ill": field is immutable']);
  });
});
