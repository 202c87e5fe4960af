import { Path, invalid, type FieldError } from '../../../machinery/field-path.ts';
import { Event } from '../../../machinery/kinds/core.ts';
import { count, text, timed } from '../columns.ts';
import { defineResource, name, since } from '../define.ts';

function firstSeen(event: Event, now: number): string {
  return since(event.firstTimestamp ?? event.eventTime, now);
}

function lastSeen(event: Event, now: number): string {
  if (event.series !== undefined) return since(event.series.lastObservedTime, now);
  return event.lastTimestamp === undefined ? firstSeen(event, now) : since(event.lastTimestamp, now);
}

function about({ involvedObject: { kind = '', name: of = '' } }: Event): string {
  return of === '' ? kind.toLowerCase() : `${kind.toLowerCase()}/${of}`;
}

function source(event: Event): string {
  const component = event.source?.component ?? event.reportingComponent ?? '';
  const host = event.source?.host ?? '';
  return host === '' ? component : `${component}, ${host}`;
}

/** Source: "Event v1 core"; selectable fields and lifetime as kube-apiserver has them (`--event-ttl`). */
export const event = defineResource(Event, {
  shortNames: ['ev'],
  ttlSeconds: 3600,
  fields: {
    'involvedObject.kind': (object) => object.involvedObject.kind ?? '',
    'involvedObject.namespace': (object) => object.involvedObject.namespace ?? '',
    'involvedObject.name': (object) => object.involvedObject.name ?? '',
    'involvedObject.uid': (object) => object.involvedObject.uid ?? '',
    'involvedObject.apiVersion': (object) => object.involvedObject.apiVersion ?? '',
    'involvedObject.resourceVersion': (object) => object.involvedObject.resourceVersion ?? '',
    'involvedObject.fieldPath': (object) => object.involvedObject.fieldPath ?? '',
    reason: (object) => object.reason ?? '',
    reportingComponent: (object) => object.reportingComponent ?? '',
    source: (object) => object.source?.component ?? object.reportingComponent ?? '',
    type: (object) => object.type ?? '',
  },
  columns: [
    timed('Last Seen', 'When it was last observed.', lastSeen),
    text('Type', 'Normal or Warning.', (object) => object.type ?? ''),
    text('Reason', 'Why it happened, in one word.', (object) => object.reason ?? ''),
    text('Object', 'What it is about.', about),
    text('Subobject', 'Which part of the object it is about.', (object) => object.involvedObject.fieldPath ?? '', 1),
    text('Source', 'Who reported it.', source, 1),
    text('Message', 'What happened.', (object) => (object.message ?? '').trim()),
    timed('First Seen', 'When it was first observed.', firstSeen, 1),
    count('Count', 'How often it was observed.', (object) => object.series?.count ?? (object.count === undefined || object.count === 0 ? 1 : object.count), 1),
    { ...name<Event>(), priority: 1 },
  ],
  defaults(draft) {
    draft.involvedObject ??= {};
  },
  validate(object) {
    const involved = object.involvedObject.namespace ?? '';
    const own = object.metadata?.namespace ?? '';
    const errors: FieldError[] = [];
    if (involved === '' ? own !== 'default' && own !== 'kube-system' : involved !== own) {
      errors.push(invalid(new Path('involvedObject.namespace'), involved, 'does not match event.namespace'));
    }
    return errors;
  },
});
