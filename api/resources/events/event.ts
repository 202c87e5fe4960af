import { Path, invalid, required, type FieldError } from '../../../machinery/field-path.ts';
import type { Event } from '../../../machinery/kinds/core.ts';
import { EventsEvent } from '../../../machinery/kinds/events.ts';
import type { Draft } from '../../../machinery/kinds/wire.ts';
import { qualifiedName } from '../../../machinery/names.ts';
import { faults } from '../checks.ts';
import { event as coreEvent } from '../core/event.ts';
import { serveAlso } from '../define.ts';
import { immutable } from '../immutable.ts';

/** The same events under newer names. Source: "Event", events.k8s.io/v1; wording: Kubernetes' validation. */

const maxInstance = 128;
const maxNote = 1024;
const maxWord = 128;

function toStored({ note, regarding, deprecatedSource, deprecatedFirstTimestamp, deprecatedLastTimestamp, deprecatedCount, reportingController, ...rest }: Draft<EventsEvent>): Draft<Event> {
  return renamed({ ...rest, metadata: rest.metadata ?? {}, involvedObject: regarding ?? {} }, {
    message: note, source: deprecatedSource, firstTimestamp: deprecatedFirstTimestamp, lastTimestamp: deprecatedLastTimestamp, count: deprecatedCount, reportingComponent: reportingController,
  });
}

function fromStored({ message, involvedObject, source, firstTimestamp, lastTimestamp, count, reportingComponent, ...rest }: Draft<Event>): Draft<EventsEvent> {
  const { eventTime = null, ...others } = rest;
  return renamed({ ...others, regarding: involvedObject ?? {} }, {
    eventTime: eventTime ?? undefined, note: message, deprecatedSource: source, deprecatedFirstTimestamp: firstTimestamp, deprecatedLastTimestamp: lastTimestamp, deprecatedCount: count, reportingController: reportingComponent,
  });
}

/** `object` with what is there of `more`. */
function renamed(object: object, more: Readonly<Record<string, unknown>>): never {
  return Object.assign({}, object, Object.fromEntries(Object.entries(more).filter(([, value]) => value !== undefined))) as never;
}

const at = (field: string) => new Path(field);

/** What is new here must say who, what and when; what came the older way is left alone. */
function validateCreate(object: EventsEvent): FieldError[] {
  const { reportingController = '', reportingInstance = '', action = '', reason = '', note = '' } = object;
  const errors: FieldError[] = [];
  if (object.eventTime === undefined || object.eventTime === null) errors.push(required(at('eventTime')));
  errors.push(...(reportingController === '' ? [required(at('reportingController'))] : faults(at('reportingController'), reportingController, qualifiedName(reportingController))));
  errors.push(...bounded('reportingInstance', reportingInstance, maxInstance), ...bounded('action', action, maxWord), ...bounded('reason', reason, maxWord));
  if (Buffer.byteLength(note) > maxNote) errors.push(invalid(at('message'), '', `can have at most ${maxNote} bytes`));
  if (object.type !== 'Normal' && object.type !== 'Warning') errors.push(invalid(at('type'), '', `has invalid value: ${object.type ?? ''}`));
  for (const [field, core] of Object.entries({ deprecatedFirstTimestamp: 'firstTimestamp', deprecatedLastTimestamp: 'lastTimestamp' } as const)) {
    if (Reflect.get(object, field) !== undefined) errors.push(invalid(at(core), Reflect.get(object, field), 'needs to be unset'));
  }
  if ((object.deprecatedCount ?? 0) !== 0) errors.push(invalid(at('count'), object.deprecatedCount, 'needs to be unset'));
  const { component = '', host = '' } = object.deprecatedSource ?? {};
  if (component !== '' || host !== '') errors.push(invalid(at('source'), object.deprecatedSource, 'needs to be unset'));
  return errors;
}

function bounded(field: string, value: string, most: number): FieldError[] {
  if (value === '') return [required(new Path(field))];
  return value.length > most ? [invalid(new Path(field), '', `can have at most ${most} characters`)] : [];
}

const fixed = {
  regarding: 'involvedObject', reason: 'reason', note: 'message', deprecatedSource: 'source', deprecatedFirstTimestamp: 'firstTimestamp', deprecatedLastTimestamp: 'lastTimestamp', deprecatedCount: 'count',
  type: 'type', action: 'action', related: 'related', reportingController: 'reportingController', reportingInstance: 'reportingInstance', eventTime: 'eventTime',
} as const;

export const eventsEvent = serveAlso<EventsEvent, Event>(coreEvent, EventsEvent, { toStored, fromStored }, {
  fields: {
    ...Object.fromEntries((['kind', 'namespace', 'name', 'uid', 'apiVersion', 'resourceVersion', 'fieldPath'] as const).map((field) =>
      [`regarding.${field}`, ({ regarding }: EventsEvent) => regarding?.[field] ?? ''])),
    reason: (object) => object.reason ?? '',
    reportingController: (object) => object.reportingController ?? '',
    type: (object) => object.type ?? '',
  },
  validateCreate,
  // Only the series goes on.
  validateUpdate: (object, old) => Object.entries(fixed).flatMap(([field, path]) => immutable(Reflect.get(object, field), Reflect.get(old, field), new Path(path))),
});
